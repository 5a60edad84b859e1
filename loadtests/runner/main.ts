import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Policy } from '../../app/src/limiter/policies.ts';
import { readPoliciesFile } from '../../infra/local/policies-file.ts';
import { longestWaitSeconds } from '../scenarios/admissions.ts';
import { attackAccounts } from '../scenarios/attack.ts';
import { rampProfile, rampUsers } from '../scenarios/breakpoint.ts';
import type { RunFile, Script } from '../scenarios/run-file.ts';
import { exceeded, profileOf, profiles } from '../scenarios/traffic.ts';
import { accountsFile, ensureAccounts } from './accounts.ts';
import { type Addresses, chooseAddresses } from './addresses.ts';
import { createClient } from './client.ts';
import { type Engine, findEngine, howToInstall } from './engine.ts';
import { type Options, readOptions, usage } from './options.ts';
import { readCounters } from './read-counters.ts';
import { findTarget, type Target } from './target.ts';
import { reportKinds, verdict } from './verdict.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const state = join(root, '.local', 'loadtest');
const reports = join(root, 'reports', 'loadtest');
/** Load accounts that each script signs in. */
const accountsFor: Record<Script, number> = {
  limits: 6,
  burst: 2,
  attack: attackAccounts,
  mixed: profiles.mixed.users,
  soak: profiles.soak.users,
  spike: profiles.spike.users,
  breakpoint: rampUsers,
};

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) console.log(usage);
  else process.exitCode = await loadtest(options);
} catch (error) {
  console.error(`loadtest: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}

async function loadtest(options: Options): Promise<number> {
  const target = findTarget(options);
  const engine = findEngine(root, target.ca);
  if (engine === null && !options.prepare) throw new Error(howToInstall);
  const addresses = chooseAddresses(target.urls, process.platform, options.localIps);
  const policies = readPoliciesFile(target.policies);
  heedLimits(options, policies, addresses);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  mkdirSync(reports, { recursive: true });
  const run = await prepare(options, target, policies, addresses);
  const environment = {
    RUN: run,
    K6_WEB_DASHBOARD: 'true',
    K6_WEB_DASHBOARD_PORT: '-1',
    K6_WEB_DASHBOARD_EXPORT: join(reports, `${options.script}.html`),
    // Go reads the CA from here; k6 has no option for it.
    ...(target.ca === null ? {} : { SSL_CERT_FILE: target.ca }),
  };
  const args = k6Arguments(options.script, addresses);
  if (options.prepare) {
    const assignments = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
    console.log(`${assignments.join(' ')} k6 ${args.join(' ')}`);
    return 0;
  }
  // What an earlier run left would be taken for what this one found.
  for (const kind of reportKinds) rmSync(join(reports, `${options.script}.${kind}`), { force: true });
  await quietWindows(policies);
  const before = await readCounters(target);
  const status = await runK6(engine as Engine, environment, args, options.script);
  writeFileSync(join(state, 'ended'), String(Date.now()));
  return verdict(status, join(reports, `${options.script}.json`), before, await readCounters(target));
}

/** Traffic that meets a limit is no finding, and no measurement of what the service carries. */
function heedLimits(
  { script, seconds, to }: Options,
  policies: readonly Policy[],
  { count }: Addresses,
): void {
  const profile = script === 'breakpoint' ? rampProfile(to) : profileOf(script, seconds);
  const met = profile === undefined ? [] : exceeded(profile, policies, count);
  if (met.length === 0) return;
  throw new Error(
    `${script} would meet the limits ${met.join(', ')} here, and prove nothing: start the stack with ` +
      '`npm start -- --policies loadtests/policies/no-limits.json`, or send from more addresses by --local-ips',
  );
}

/** Writes what the script reads, and returns the file's path. */
async function prepare(
  options: Options,
  target: Target,
  policies: readonly Policy[],
  addresses: Addresses,
): Promise<string> {
  const base = target.urls[0] as string;
  const accounts = accountsFile(root, base);
  const client = createClient(base, target.ca);
  await ensureAccounts(client, target.users, accounts, accountsFor[options.script]);
  const run: RunFile = {
    script: options.script,
    targets: target.urls,
    accounts,
    policies,
    addresses: addresses.count,
    reports,
    seed: randomBytes(4).toString('hex'),
    ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.to === undefined ? {} : { to: options.to }),
  };
  const file = join(state, 'run.json');
  writeFileSync(file, JSON.stringify(run, null, 2), { mode: 0o600 });
  return file;
}

function k6Arguments(script: Script, { range }: Addresses): string[] {
  return [
    'run',
    ...(process.stderr.isTTY ? [] : ['--quiet']),
    ...(range === null ? [] : ['--local-ips', range]),
    join(root, 'loadtests', `${script}.ts`),
  ];
}

/** The arithmetic starts from empty windows: waits until those of the run before are. */
async function quietWindows(policies: readonly Policy[]): Promise<void> {
  const file = join(state, 'ended');
  if (!existsSync(file)) return;
  const empty =
    Number(readFileSync(file, 'utf8')) + (Math.max(...policies.map(longestWaitSeconds)) + 2) * 1000;
  const wait = empty - Date.now();
  if (wait <= 0) return;
  console.error(`loadtest: waiting ${Math.ceil(wait / 1000)} s until the windows of the last run are empty`);
  await setTimeout(wait);
}

function runK6(
  engine: Engine,
  environment: Record<string, string>,
  args: string[],
  script: Script,
): Promise<number> {
  console.error(`loadtest: ${script} with ${engine.name}`);
  // Else a run that dies early would be judged by the summary of the one before.
  rmSync(join(reports, `${script}.json`), { force: true });
  const child = spawn(engine.command, [...engine.prefix(environment), ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });
  // Ctrl-C reaches k6 too, which then ends in order; this process waits for it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 2));
  });
}
