import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checks } from './checks/index.ts';
import { operationsOf, parseUsers } from './checks/rbac.ts';
import { open, parseTarget, type Target } from './client.ts';
import { exitCode, line, remedyFor, summary, toJson, toJunit } from './report.ts';
import { type Options, verify } from './run.ts';
import type { Check, Profile } from './types.ts';
import { CouldNotCheck, groups } from './types.ts';

const help = `Proves the security checklist on what runs, from outside.

usage: npm run security-verify [-- OPTIONS]

  --target URL         https://host:port of the API; default: the local stack's edge
  --connect HOST:PORT  connect there instead: a name that does not lead there yet, a forwarded port
  --plain URL          its plain listener, when it has one
  --internal URL       its internal listener, when it can be reached
  --ca FILE            authority of the certificates; default: the local stack's, else the system's
  --users FILE         JSON list of {email, password, role}: a reader, an admin and two caseworkers
  --openapi FILE       operations for the access matrix; default: app/openapi.json
  --profile NAME       house | owasp: they differ in X-XSS-Protection (1; mode=block or 0)
  --only NAMES         comma list of groups (${groups.join(', ')}) or check ids
  --read-only          nothing that writes or uses a quota up: for production
  --behind-edge        the target is a proxy of its own: leave out what proxies answer themselves
  --json FILE          write the results as JSON
  --junit FILE         write the results as JUnit XML
  --list               print the checks and stop
  --help

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
 * @param stackFile where a running local stack says what it is
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
    await reach(given.target);
    const started = Date.now();
    const results = await verify(given, chosen, (result) => print(line(result)));
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

function settings(values: Values, stackFile: string): Options {
  const stack: Partial<LocalStack> & { edge: string } =
    values.target === undefined ? localStack(stackFile) : { edge: values.target };
  const caFile = values.ca ?? stack.ca;
  const ca = caFile === undefined ? undefined : text(caFile, '--ca');
  const usersFile = values.users ?? stack.users;
  if (usersFile === undefined)
    throw new CouldNotCheck('--users FILE is missing: who may sign in to be refused?');
  const optional = (given: string | undefined, local: string | undefined): Target | null => {
    const found = given ?? local;
    return found === undefined ? null : parseTarget(found, ca);
  };
  return {
    target: parseTarget(stack.edge, ca, values.connect),
    plain: optional(values.plain, stack.plain),
    internal: optional(values.internal, stack.internal?.[0]),
    profile: profile(values.profile),
    readOnly: values['read-only'] === true,
    behindEdge: values['behind-edge'] === true,
    users: parseUsers(text(usersFile, '--users')),
    operations: operationsOf(JSON.parse(text(values.openapi ?? join(root, 'app/openapi.json'), '--openapi'))),
  };
}

interface LocalStack {
  readonly edge: string;
  readonly ca: string;
  readonly users: string;
  readonly plain?: string;
  readonly internal?: readonly string[];
}

function localStack(file: string): LocalStack {
  if (!existsSync(file)) throw new CouldNotCheck('no --target, and the local stack does not run (npm start)');
  return JSON.parse(readFileSync(file, 'utf8')) as LocalStack;
}

/** A file's text; what cannot be read is named by its option, not by a system call. */
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

/** Nothing can be said of a target that does not answer, or whose certificate is not of the named authority. */
async function reach(target: Target): Promise<void> {
  try {
    (await open(target)).destroy();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // That it ended is a finding, which the checks make.
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
