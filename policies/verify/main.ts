import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Backends, type Check, groups, type Profile, type Quota } from './check.ts';
import { checks } from './checks/index.ts';
import { CouldNotCheck, open, parseTarget, type Target } from './client.ts';
import { quotas } from './expected.ts';
import { operationsOf, parseUsers } from './operations.ts';
import { exitCode, line, remedyFor, summary, toJson, toJunit } from './report.ts';
import { type Options, verify } from './run.ts';

const help = `Proves the security checklist on the running service, from outside.

usage: npm run security-verify [-- OPTIONS]

  --target URL         https://host:port of the API; default: the local stack's edge
  --connect HOST:PORT  connect there instead: for a name without an address yet, or a forwarded port
  --plain URL          the plain listener, when there is one
  --internal URL       the internal listener, when it can be reached
  --ca FILE            authority of the certificates; default: the local stack's, else the system's
  --users FILE         JSON list of {email, password, role}: a reader, an admin and two caseworkers
  --openapi FILE       operations for the access matrix; default: app/openapi.json
  --policies FILE      rate-limit policies in force, as the service reads them; default: the checklist's
  --origin URL         an origin that the service allows, to check CORS for it
  --profile NAME       house | owasp: they differ in X-XSS-Protection (1; mode=block or 0)
  --only NAMES         comma list of groups (${groups.join(', ')}) or check ids
  --read-only          nothing that writes or uses a quota up: for production
  --behind-edge        the target is a proxy: leave out the answers that proxies make themselves
  --json FILE          write the results as JSON
  --junit FILE         write the results as JUnit XML
  --list               print the checks and stop
  --help

A request that is limited is sent again when its Retry-After is over.
exit code: 0 all hold, 1 one does not, 2 could not check or wrong usage
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const options = {
  target: { type: 'string' },
  connect: { type: 'string' },
  plain: { type: 'string' },
  internal: { type: 'string' },
  ca: { type: 'string' },
  users: { type: 'string' },
  openapi: { type: 'string' },
  policies: { type: 'string' },
  origin: { type: 'string' },
  profile: { type: 'string', default: 'house' },
  only: { type: 'string' },
  'read-only': { type: 'boolean' },
  'behind-edge': { type: 'boolean' },
  json: { type: 'string' },
  junit: { type: 'string' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/**
 * The command: prints its report and returns its exit code.
 * @param stackFile the file that describes a running local stack
 */
export async function main(
  argv: readonly string[],
  print: (text: string) => void,
  stackFile = join(root, '.local/stack.json'),
): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      print(help);
      return 0;
    }
    const chosen = choose(values.only);
    if (values.list) {
      for (const { id, expected } of chosen) print(`${id.padEnd(32)} ${expected}`);
      return 0;
    }
    const given = settings(values, stackFile);
    await assertReachable(given.target);
    const started = Date.now();
    const results = await verify(given, chosen, {
      result: (result) => print(line(result)),
      waiting: (seconds, reason) => print(`… ${reason}; waiting ${seconds} s for a quiet window`),
    });
    print(summary(results, Date.now() - started));
    if (values.json) writeFileSync(values.json, `${toJson(nameOf(given.target), results)}\n`);
    if (values.junit) writeFileSync(values.junit, `${toJunit(results)}\n`);
    return exitCode(results);
  } catch (error) {
    print(
      `security-verify: ${error instanceof Error ? error.message : String(error)}; --help shows the usage`,
    );
    return 2;
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

/** The part of `.local/stack.json` that is read here. */
interface LocalStack extends Backends {
  readonly edge: string;
  readonly ca?: string;
  readonly users?: string;
  readonly plain?: string;
  readonly policies?: string | null;
}

function settings(values: Values, stackFile: string): Options {
  const isLocal = values.target === undefined;
  const stack: LocalStack = isLocal ? readStack(stackFile) : { edge: values.target ?? '' };
  const caFile = values.ca ?? stack.ca;
  const ca = caFile === undefined ? undefined : text(caFile, '--ca');
  const usersFile = values.users ?? stack.users;
  if (usersFile === undefined)
    throw new CouldNotCheck('--users FILE is missing: it names the accounts that the checks sign in with');
  const optional = (given: string | undefined, local: string | undefined): Target | null => {
    const found = given ?? local;
    return found === undefined ? null : parseTarget(found, ca);
  };
  const policiesFile = values.policies ?? stack.policies;
  const { redis, prometheus, alertmanager, grafana, internal } = stack;
  const backends = { redis, prometheus, alertmanager, grafana, internal, state: join(stackFile, '..') };
  return {
    target: parseTarget(stack.edge, ca, values.connect),
    plain: optional(values.plain, stack.plain),
    internal: optional(values.internal, stack.internal?.[0]),
    profile: profile(values.profile),
    readOnly: values['read-only'] === true,
    behindEdge: values['behind-edge'] === true,
    origin: values.origin ?? null,
    users: parseUsers(text(usersFile, '--users')),
    operations: operationsOf(JSON.parse(text(values.openapi ?? join(root, 'app/openapi.json'), '--openapi'))),
    quotas: policiesFile ? (JSON.parse(text(policiesFile, '--policies')) as Quota[]) : quotas,
    backends: isLocal ? (JSON.parse(JSON.stringify(backends)) as Backends) : {},
  };
}

function readStack(file: string): LocalStack {
  if (!existsSync(file)) throw new CouldNotCheck('no --target, and the local stack does not run (npm start)');
  return JSON.parse(readFileSync(file, 'utf8')) as LocalStack;
}

/** A file's text; an error names the option, not a system call. */
function text(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CouldNotCheck(`${option}: ${file} cannot be read`);
  }
}

function profile(name: string): Profile {
  if (name !== 'house' && name !== 'owasp')
    throw new CouldNotCheck(`--profile ${name} is not house or owasp`);
  return name;
}

function choose(only: string | undefined): readonly Check[] {
  if (only === undefined) return checks;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !checks.some(({ id, group }) => id === name || group === name));
  if (unknown.length > 0)
    throw new CouldNotCheck(`--only: no group or check is named ${unknown.join(', ')} (--list)`);
  return checks.filter(({ id, group }) => names.includes(id) || names.includes(group));
}

/** Throws when the target does not answer, or its certificate is not of the named authority. */
async function assertReachable(target: Target): Promise<void> {
  try {
    (await open(target)).destroy();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // An expired certificate is a finding, which the checks make.
    if (code === 'CERT_HAS_EXPIRED') return;
    throw new CouldNotCheck(`${nameOf(target)} cannot be reached: ${code ?? message}; ${remedyFor(code)}`);
  }
}

function nameOf({ tls, host, port }: Target): string {
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2), (line) => {
    process.stdout.write(`${line}\n`);
  });
