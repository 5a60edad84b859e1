import { readJson, script } from './service-tools.ts';
import type { Tool } from './types.ts';

/** Tools that read what is in the repository: the OpenAPI document, sources, workflows. */
export const sourceTools: readonly Tool[] = [
  {
    name: 'spectral-owasp',
    expects: 'no finding of the OWASP rule set on the OpenAPI document',
    source: {
      npm: ['@stoplight/spectral-cli@6.16.3', '@stoplight/spectral-owasp-ruleset@2.0.1'],
      version: '6.16.3 / 2.0.1',
    },
    accepted: [
      {
        finding: /define-cors-origin/,
        reason: 'there is no CORS unless origins are listed; a header that is not sent is not documented',
      },
      { finding: /inventory-access/, reason: 'the server is relative: the document is served to nobody' },
      {
        finding:
          /(read|write)-restricted|define-error-responses-401 paths\.(\/|\/health|\/\.well-known\/jwks\.json)\.get/,
        reason: 'x-access says public: health, keys, login and refresh',
      },
      { finding: /define-error-validation/, reason: 'these take no input that could be wrong' },
      {
        finding: /string-(limit|restricted)/,
        reason:
          'bounded by pattern, format or enum, or written by the service alone; a test of ours demands a bound of every string that is taken',
      },
      {
        finding: /integer-(format|limit)|array-limit/,
        reason: 'in answers, or bounded by minimum and maximum: JSON knows one kind of number',
      },
    ],
    runs: (folder, { root }) => [
      {
        command: process.execPath,
        args: [
          `${folder}/node_modules/@stoplight/spectral-cli/dist/index.js`,
          'lint',
          `${root}app/openapi.json`,
          '-r',
          `${folder}/owasp.yaml`,
          '--format',
          'json',
        ],
        cwd: folder,
      },
    ],
    read(output) {
      const results = JSON.parse(output.slice(output.indexOf('['), output.lastIndexOf(']') + 1)) as {
        code: string;
        path: string[];
      }[];
      return {
        findings: results.map(({ code, path }) => `${code} ${path.join('.')}`),
        summary: `${results.length} remarks`,
      };
    },
  },
  {
    name: 'recheck',
    expects: 'every pattern of the OpenAPI document safe from catastrophic backtracking',
    source: { npm: ['recheck@4.5.0'], version: '4.5.0' },
    runs: (folder, { root }) => [
      script(
        folder,
        `
      const { checkSync } = require('recheck');
      const text = require('fs').readFileSync(${JSON.stringify(`${root}app/openapi.json`)}, 'utf8');
      const patterns = [...new Set([...text.matchAll(/"pattern": ("(?:[^"\\\\\\\\]|\\\\\\\\.)*")/g)].map(([, one]) => JSON.parse(one)))];
      const findings = patterns.filter((one) => checkSync(one, '').status !== 'safe');
      console.log(JSON.stringify({ findings: patterns.length ? findings : ['no pattern found'], count: patterns.length }));`,
      ),
    ],
    read: readJson(({ count }) => `${String(count)} patterns safe`),
  },
  {
    name: 'detect-secrets',
    expects: 'no secret in the repository',
    source: { pip: 'detect-secrets', version: '1.5.0', program: 'detect-secrets' },
    accepted: [
      {
        finding: /(\.test\.ts|policies\/fixtures\/\S+|policies\/rules\/secrets\.ts) /,
        reason: 'examples of secrets that tests must find',
      },
    ],
    runs: (bin, { root }) => [
      {
        command: bin,
        // Names of secrets and digests of images are no secrets: what is left finds keys, tokens and credentials.
        args: [
          'scan',
          ...['KeywordDetector', 'HexHighEntropyString', 'Base64HighEntropyString'].flatMap((one) => [
            '--disable-plugin',
            one,
          ]),
        ],
        cwd: root,
      },
    ],
    read(output) {
      const { results } = JSON.parse(output) as {
        results: Record<string, { type: string; line_number: number }[]>;
      };
      return {
        findings: Object.entries(results).flatMap(([path, all]) =>
          all.map(({ type, line_number }) => `${path} ${line_number} ${type}`),
        ),
        summary: 'every tracked file',
      };
    },
  },
  {
    name: 'actionlint',
    expects: 'no finding in the workflows',
    source: { go: 'github.com/rhysd/actionlint/cmd/actionlint', version: 'v1.7.12', program: 'actionlint' },
    runs: (bin, { root }) => [{ command: bin, args: ['-no-color', '-oneline'], cwd: root }],
    read: (output) => ({ findings: output.split('\n').filter(Boolean), summary: 'workflows' }),
  },
  {
    name: 'zizmor',
    expects: 'no finding in the workflows',
    source: { pip: 'zizmor', version: '1.32.0', program: 'zizmor' },
    runs: (bin, { root }) => [
      {
        command: bin,
        args: ['--offline', '--no-progress', '--color', 'never', '.github/workflows'],
        cwd: root,
      },
    ],
    read: (output, code) => ({
      findings: code === 0 ? [] : output.split('\n').filter((line) => /^(error|warning|help)/.test(line)),
      summary: /No findings[^\n]*/.exec(output)?.[0] ?? 'workflows',
    }),
  },
];
