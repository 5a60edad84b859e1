import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { spawn } from '../../infra/programs/child-process.ts';
import { startBacking } from '../support/service.ts';
import { runDay } from './day.ts';
import { fuzz } from './fuzz.ts';

const help = `Usage: node test/unlucky/main.ts <day|fuzz|schema> [--seconds N] [--requests N] [--schemathesis PATH]

  day     clients abort, Redis freezes, dies and comes back, certificates and authorities rotate, the log disk is full,
          replicas restart; at the end gauges are at rest, no acknowledged write is lost and memory is back (600 seconds)
  fuzz    sends malformed and random requests over raw connections; no 5xx, no socket left (10,000 requests)
  schema  runs schemathesis with all phases and without limits, as caseworker and as admin

Exit codes: 0 it held, 1 it did not, 2 wrong usage or a program is missing.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '600' },
      requests: { type: 'string', default: '10000' },
      schemathesis: { type: 'string', default: 'schemathesis' },
      help: { type: 'boolean' },
    },
  });
  const [kind] = positionals;
  if (values.help || !kind) {
    console.log(help);
    return values.help ? 0 : 2;
  }
  if (kind === 'day') return report(await runDay(Number(values.seconds)));
  if (kind === 'fuzz') {
    const failures = await withReplica(async (replica, ca, backing) => {
      const { accessToken } = await replica.login(backing.user('caseworker'));
      return fuzz(replica, ca, accessToken, Number(values.requests));
    });
    return report(failures);
  }
  if (kind === 'schema') return report(await checkSchema(values.schemathesis));
  console.error(help);
  return 2;
}

function report(failures: readonly string[]): number {
  for (const failure of failures) console.error(`✗ ${failure}`);
  console.log(failures.length === 0 ? 'It held.' : `${failures.length} expectations did not hold.`);
  return failures.length === 0 ? 0 : 1;
}

type Replica = Awaited<ReturnType<Awaited<ReturnType<typeof startBacking>>['start']>>;

async function withReplica<T>(
  run: (replica: Replica, ca: string, backing: Awaited<ReturnType<typeof startBacking>>) => Promise<T>,
): Promise<T> {
  const backing = await startBacking();
  try {
    const replica = await backing.start({
      POLICIES_FILE: `${backing.dir}/policies.json`,
      OWNER_MAX_CASES: '100000',
    });
    return await run(replica, backing.authority.certificate, backing);
  } finally {
    await backing.stop();
  }
}

async function checkSchema(program: string): Promise<string[]> {
  return withReplica(async (replica, ca, backing) => {
    const failures: string[] = [];
    const file = join(mkdtempSync(join(tmpdir(), 'schema-')), 'ca.crt');
    writeFileSync(file, ca);
    const reader = await replica.login(backing.user('reader'));
    const { id } = (await reader.send('GET', '/api/v1/auth/me')).json;
    for (const role of ['caseworker', 'admin'] as const) {
      const { email, password } = backing.user(role);
      const args = ['--config-file', 'test/unlucky/schemathesis.toml', 'run', 'app/openapi.json'];
      args.push('--url', `https://127.0.0.1:${replica.ports.api}`, '--tls-verify', file, '--checks', 'all');
      args.push('--phases', 'examples,coverage,fuzzing,stateful');
      const { status } = await run(program, args, {
        SIMPLE378_EMAIL: email,
        SIMPLE378_PASSWORD: password,
        SIMPLE378_ACCOUNT: id,
      });
      if (status !== 0) failures.push(`schemathesis as ${role} ended with ${status}`);
    }
    return failures;
  });
}

/** Runs a program beside this process, whose event loop serves the requests. */
function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', env: { ...process.env, ...environment } });
    child.on('error', reject);
    child.on('exit', (status) => resolve({ status }));
  });
}
