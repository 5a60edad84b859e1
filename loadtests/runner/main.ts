import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Policy } from '../../contract/policies.ts';
import { readPoliciesFile } from '../../infra/local/policies-file.ts';
import { longestWaitSeconds } from '../scenarios/admissions.ts';
import { attackAccounts } from '../scenarios/attack.ts';
import { rampProfile, rampUsers } from '../scenarios/breakpoint.ts';
import type { RunFile, Script } from '../scenarios/run-file.ts';
import { exceeded, profileOf, profiles } from '../scenarios/traffic.ts';
import { accountsFile, disableAccounts, ensureAccounts, hasUsedLimits } from './accounts.ts';
import { type Addresses, chooseAddresses } from './addresses.ts';
import { type Client, createClient } from './client.ts';
import { type Engine, findEngine, howToInstall } from './engine.ts';
import { callOf, runK6, tellProgress } from './k6.ts';
import { readCounters } from './read-counters.ts';
import { findTarget, type Target, type TargetOptions } from './target.ts';
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

/** Options of a load test. */
export interface Options extends TargetOptions {
  readonly script: Script;
  /** Policies that `limits` tests; all when left out. */
  readonly only?: readonly string[] | undefined;
  /** Another duration of mixed, soak and spike. */
  readonly seconds?: number | undefined;
  /** Highest rate of breakpoint, requests per second. */
  readonly to?: number | undefined;
  /** Range of this machine's addresses to send from. */
  readonly localIps?: string | undefined;
  /** Others use the target too, so its deny counters may grow by more than the 429s that k6 received. */
  readonly shared: boolean;
  /** Writes accounts and run file, prints the k6 command, and stops. */
  readonly prepare: boolean;
}

// A signal does not end the process at once: accounts are disabled first, and k6 writes its summary.
const interrupted = new AbortController();

/**
 * Runs a k6 script and compares its 429s with the counters of the service.
 * @returns the exit code: 0 holds, 1 does not, 2 could not check
 */
export async function loadTest(options: Options): Promise<number> {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(name, () => {
      if (!interrupted.signal.aborted) console.error(`load test: ${name}, ending in order`);
      interrupted.abort(new Error('interrupted'));
    });
  const target = findTarget(options);
  const base = target.urls[0] as string;
  const client = createClient(base, target.ca);
  const accounts = accountsFile(root, base);
  // The accounts of the local stack serve the next run; those of any other target are disabled so that nobody can use them.
  if (options.target === undefined || options.prepare) return run(options, target, client, accounts);
  let left = 0;
  let code = 2;
  try {
    code = await run(options, target, client, accounts);
  } finally {
    left = await disableAccounts(client, target.users, accounts);
  }
  return left > 0 ? 2 : code;
}

async function run(options: Options, target: Target, client: Client, accounts: string): Promise<number> {
  const engine = findEngine(root, target.ca);
  if (engine === null && !options.prepare) throw new Error(howToInstall);
  const addresses = chooseAddresses(target.urls, process.platform, options.localIps);
  const policies = readPoliciesFile(target.policies);
  heedLimits(options, policies, addresses);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  mkdirSync(reports, { recursive: true });
  await ensureAccounts(client, target.users, accounts, accountsFor[options.script], interrupted.signal);
  const runFile = describe(options, target, policies, addresses, accounts);
  const file = join(state, 'run.json');
  writeFileSync(file, JSON.stringify(runFile, null, 2), { mode: 0o600 });
  const call = callOf(root, runFile, file, addresses, target.ca);
  if (options.prepare) {
    const assignments = Object.entries(call.environment).map(([name, value]) => `${name}='${value}'`);
    console.log(`${assignments.join(' ')} k6 ${call.args.join(' ')}`);
    return 0;
  }
  // What an earlier run left would be taken for what this one found.
  for (const kind of reportKinds) rmSync(join(reports, `${options.script}.${kind}`), { force: true });
  await quietWindows(policies, await hasUsedLimits(client, target.users, policies));
  const before = await readCounters(target);
  console.error(`loadtest: ${options.script} with ${(engine as Engine).name}`);
  const quiet = process.stderr.isTTY ? () => {} : tellProgress(runFile, console.error);
  const status = await runK6(root, engine as Engine, call, interrupted.signal).finally(quiet);
  writeFileSync(join(state, 'ended'), String(Date.now()));
  const summary = join(reports, `${options.script}.json`);
  const after = await readCounters(target);
  return verdict(status, summary, before, after, options.shared);
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

/** What the script reads. */
function describe(
  { script, seconds, only, to }: Options,
  { urls }: Target,
  policies: readonly Policy[],
  { count }: Addresses,
  accounts: string,
): RunFile {
  return {
    script,
    targets: urls,
    accounts,
    policies,
    addresses: count,
    reports,
    seed: randomBytes(4).toString('hex'),
    ...(seconds === undefined ? {} : { seconds }),
    ...(only === undefined ? {} : { only }),
    ...(to === undefined ? {} : { to }),
  };
}

/** The arithmetic starts from empty windows: waits until those of the last run are, or of whatever else came from here. */
async function quietWindows(policies: readonly Policy[], used: boolean): Promise<void> {
  const file = join(state, 'ended');
  const ended = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const longest = (Math.max(...policies.map(longestWaitSeconds)) + 2) * 1000;
  const wait = (used ? Date.now() : ended) + longest - Date.now();
  if (wait <= 0) return;
  console.error(
    `loadtest: waiting ${Math.ceil(wait / 1000)} s until the windows of what came before are empty`,
  );
  await setTimeout(wait, undefined, { signal: interrupted.signal });
}
