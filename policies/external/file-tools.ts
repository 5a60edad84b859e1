import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../engine/types.ts';
import { readJson, script } from './service-tools.ts';
import type { Tool } from './types.ts';

/** Tools that read what is in the repository: the OpenAPI document, the rendered manifests, sources, workflows. */

/** Checks of section 1d of the checklist's sources; the others of checkov are about API servers and pass vacuously. */
const checkovIds = [
  8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 30, 31, 35, 37, 38, 39, 40,
  41, 42, 43, 49, 155, 156, 157, 158,
].map((number) => `CKV_K8S_${number}`);

const ownIds =
  'the images own their files under these ids; user namespaces or another image are the way to higher ones';
const oneQuestion =
  'the program has one health question; only the service of ours has two, and is asked both';

export const fileTools: readonly Tool[] = [
  {
    name: 'checkov',
    expects: 'no failed check over the rendered manifests of production',
    source: { pip: 'checkov', version: '3.3.30', program: 'checkov' },
    accepted: [
      { finding: /^CKV_K8S_40 /, reason: ownIds },
      {
        finding: /^CKV_K8S_38 .*\.edge$/,
        reason: 'the Gateway controller watches Gateways and routes through the API server',
      },
      {
        finding: /^CKV_K8S_[89] .*\.redis$/,
        reason: 'the sidecar that reloads certificates takes no traffic and ends when it fails',
      },
    ],
    runs: (bin, { root }) => [
      {
        command: bin,
        args: [
          '-d',
          `${root}rendered/prod`,
          '--framework',
          'kubernetes',
          '--skip-download',
          '--compact',
          '--quiet',
          '-o',
          'json',
          '--check',
          [...checkovIds, 'CKV2_K8S_6'].join(),
        ],
      },
    ],
    read(output) {
      const parsed = JSON.parse(output) as CheckovReport | CheckovReport[];
      const report = Array.isArray(parsed) ? parsed[0] : parsed;
      if (!report?.summary.passed) throw new Error('checkov checked nothing');
      return {
        findings: report.results.failed_checks.map(({ check_id, resource }) => `${check_id} ${resource}`),
        summary: `${report.summary.passed} passed, ${report.summary.failed} failed`,
      };
    },
  },
  {
    name: 'kube-score',
    expects: 'no warning or critical over the rendered manifests of production',
    source: { go: 'github.com/zegl/kube-score/cmd/kube-score', version: 'v1.20.0', program: 'kube-score' },
    accepted: [
      {
        finding: /^container-image-pull-policy /,
        reason: 'images are named by digest: pulling again cannot bring another',
      },
      { finding: /^container-security-context-user-group-id /, reason: ownIds },
      { finding: /^pod-probes-identical (?!.*case-service)/, reason: oneQuestion },
      {
        finding: /^deployment-replicas .*otel-collector$/,
        reason: 'traces of a restart may be lost; the service drops and counts them',
      },
    ],
    runs: (bin, { root }) => [
      { command: bin, args: ['score', '--output-format', 'json', ...manifests(root, 'prod')] },
    ],
    read(output) {
      const objects = JSON.parse(output) as {
        object_name: string;
        checks?: { check: { id: string }; grade: number; skipped: boolean }[];
      }[];
      const checks = objects.flatMap(({ object_name, checks = [] }) =>
        checks.filter(({ skipped }) => !skipped).map((one) => ({ ...one, object_name })),
      );
      if (checks.length === 0) throw new Error('kube-score checked nothing');
      const findings = checks
        .filter(({ grade }) => grade < 7)
        .map(({ check, object_name }) => `${check.id} ${object_name}`);
      return { findings, summary: `${checks.length} checks over ${objects.length} objects` };
    },
  },
  {
    name: 'kubernetes-validate',
    expects: 'every rendered manifest valid for Kubernetes 1.34, 1.35 and 1.36, strictly',
    source: { pip: 'kubernetes-validate', version: '1.37.0', program: 'kubernetes-validate' },
    accepted: [
      {
        finding: /(gateway\.networking|traefik|cert-manager)/,
        reason: 'its schema comes with its CRDs; the cluster validates it',
      },
    ],
    runs: (bin, { root }) =>
      ['1.34', '1.35', '1.36'].map((version) => ({
        command: bin,
        args: [
          '--strict',
          '--no-warn',
          '-k',
          version,
          ...environments.flatMap((environment) => manifests(root, environment)).filter(isCore),
        ],
      })),
    read: (output) => ({
      findings: output.match(/^(ERROR|.*(?:invalid|error)).*$/gim)?.slice(0, 50) ?? [],
      summary: `${output.match(/^INFO.*passed.*$/gim)?.length ?? 'all'} manifests passed`,
    }),
  },
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

interface CheckovReport {
  readonly summary: { readonly passed: number; readonly failed: number };
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly resource: string }[];
  };
}

function manifests(root: string, environment: string): readonly string[] {
  const folder = join(root, 'rendered', environment);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file));
}

/** Kinds whose schema Kubernetes itself has. */
function isCore(file: string): boolean {
  return !/\/(gateway|httproute|middleware|tlsoption|certificate|issuer|gatewayclass|clusterissuer|traefik|serverstransport|referencegrant|backendtlspolicy|ingressroute)[\w-]*\.yaml$/.test(
    file,
  );
}
