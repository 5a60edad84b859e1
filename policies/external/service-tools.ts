import { contentSecurityPolicy } from '../../app/src/http/headers.ts';
import type { Tool } from './types.ts';

/** Tools that ask the running service. */

const npmAudit = ['@mdn/mdn-http-observatory@1.4.8'];

export const serviceTools: readonly Tool[] = [
  {
    name: 'sslyze',
    expects: 'Mozilla intermediate: compliant, on the API, the internal and the Redis port',
    source: { pip: 'sslyze', version: '6.3.1', program: 'sslyze' },
    runs: (bin, { ca, port, internalPort, redisPort }) =>
      [port, internalPort]
        .map((one) => ({
          command: bin,
          args: ['--mozilla_config', 'intermediate', '--certinfo_ca_file', ca, `localhost:${one}`],
        }))
        .concat({
          command: bin,
          args: ['--mozilla_config', 'disable', '--certinfo_ca_file', ca, `localhost:${redisPort}`],
        }),
    read(output) {
      if (!/OK - Compliant/.test(output))
        return { findings: output.match(/^ {8}\* .*$/gm) ?? ['no verdict'], summary: 'not compliant' };
      // Redis' own curves are OpenSSL's; its protocols are ours.
      const old =
        /(SSL 2\.0|SSL 3\.0|TLS 1\.0|TLS 1\.1) Cipher Suites:\s+Attempted[^\n]*\n[^\n]*accepted/.test(output);
      return {
        findings: old ? ['an old protocol is accepted'] : [],
        summary: `${output.match(/OK - Compliant/g)?.length} listeners compliant with intermediate; Redis: TLS 1.2 and 1.3 only`,
      };
    },
  },
  {
    name: 'mdn-observatory',
    expects: 'a score of 130 or more, no test failed',
    source: { npm: npmAudit, version: '1.4.8' },
    runs: (folder, { ca, port }) => [
      {
        command: process.execPath,
        args: [`${folder}/node_modules/@mdn/mdn-http-observatory/src/scan.js`, `localhost:${port}`],
        env: { NODE_EXTRA_CA_CERTS: ca },
      },
    ],
    read(output) {
      const { scan } = JSON.parse(output.slice(output.indexOf('{'))) as {
        scan: { score: number; grade: string; testsFailed: number; testsPassed: number };
      };
      const findings =
        scan.score >= 130 && scan.testsFailed === 0
          ? []
          : [`score ${scan.score}, ${scan.testsFailed} failed`];
      return {
        findings,
        summary: `${scan.grade}, ${scan.score}, ${scan.testsPassed} passed, ${scan.testsFailed} failed`,
      };
    },
  },
  {
    name: 'csp-evaluator',
    expects: 'no finding of medium severity or more',
    source: { npm: ['csp_evaluator@1.1.8'], version: '1.1.8' },
    runs: (folder) => [
      script(
        folder,
        `
      const { CspEvaluator } = require('csp_evaluator');
      const { CspParser } = require('csp_evaluator/dist/parser.js');
      const findings = new CspEvaluator(new CspParser(${JSON.stringify(contentSecurityPolicy)}).csp).evaluate();
      console.log(JSON.stringify({ findings: findings.filter(({ severity }) => severity <= 40).map(({ directive, description }) => directive + ': ' + description), count: findings.length }));`,
      ),
    ],
    read: readJson(({ count }) => `${String(count)} remarks in all`),
  },
  {
    name: 'schemathesis',
    expects: 'no failure in any phase, no answer of 5xx',
    source: { pip: 'schemathesis', version: '4.32.5', program: 'st' },
    runs: (bin, { root, ca, port, token }) => [
      {
        command: bin,
        args: [
          ...[
            '--config-file',
            `${root}policies/external/schemathesis.toml`,
            'run',
            `${root}app/openapi.json`,
          ],
          ...[
            '--url',
            `https://localhost:${port}`,
            '-H',
            `Authorization: Bearer ${token}`,
            '--tls-verify',
            ca,
          ],
          ...[
            '--phases',
            'examples,coverage,fuzzing,stateful',
            '--max-examples',
            '60',
            '--workers',
            '1',
            '--no-color',
          ],
        ],
      },
    ],
    read(output) {
      const cases = /(\d+) generated/.exec(output)?.[1];
      if (!cases) throw new Error('schemathesis generated nothing');
      return {
        findings: output.match(/^ +(❌ ST\d+ .*|🚫 Runtime Error.*)$/gm)?.map((line) => line.trim()) ?? [],
        summary: `${cases} requests generated`,
      };
    },
  },
];

/** A piece of CommonJS that runs where the packages are. */
export function script(
  folder: string,
  text: string,
): { command: string; args: string[]; cwd: string; env: Record<string, string> } {
  return {
    command: process.execPath,
    args: ['--input-type=commonjs', '-e', text],
    cwd: folder,
    env: { RECHECK_BACKEND: 'pure' },
  };
}

/** Output that is `{findings, …}` already. */
export function readJson(summary: (value: Record<string, unknown>) => string): Tool['read'] {
  return (output) => {
    const value = JSON.parse(output) as { findings: string[] } & Record<string, unknown>;
    return { findings: value.findings, summary: summary(value) };
  };
}
