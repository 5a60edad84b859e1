import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type Evidence, keepEvidence } from '../../infra/evidence.ts';
import { startVictim } from '../mutants/victim.ts';
import { missingFor, programOf, versionOf } from './install.ts';
import { manifestTools } from './manifest-tools.ts';
import { serviceTools } from './service-tools.ts';
import { sourceTools } from './source-tools.ts';
import type { Run, Tool, World } from './types.ts';

const tools: readonly Tool[] = [...serviceTools, ...manifestTools, ...sourceTools];
const help = `Asks independent tools, and keeps what they said in docs/evidence/.

usage: npm run test:external [-- [--only NAMES] [--tools DIR] [--no-install]]

  --only NAMES   comma list of ${tools.map(({ name }) => name).join(', ')}
  --tools DIR    where they are installed (default: ~/.cache/simple378/external)
  --no-install   use what is installed there; what is missing is skipped, and said
  --help

Needs python3, npm and go to install. exit code: 0 no finding without a reason, 1 findings, 2 a tool could not run or
be installed
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The command: returns its exit code and writes the evidence. */
export async function main(argv: readonly string[], print: (text: string) => void): Promise<number> {
  const options = {
    only: { type: 'string' },
    tools: { type: 'string' },
    'no-install': { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      print(help);
      return 0;
    }
    const names = values.only?.split(',');
    const unknown = (names ?? []).filter((name) => !tools.some((tool) => tool.name === name));
    if (unknown.length > 0) throw new Error(`no tool is named ${unknown.join(', ')}`);
    const chosen = tools.filter(({ name }) => names?.includes(name) ?? true);
    const folder = values.tools ?? join(homedir(), '.cache/simple378/external');
    return await askAll(chosen, folder, values['no-install'] !== true, print);
  } catch (error) {
    print(`test:external: ${error instanceof Error ? error.message : String(error)}; --help shows the usage`);
    return 2;
  }
}

async function askAll(
  chosen: readonly Tool[],
  folder: string,
  mayInstall: boolean,
  print: (text: string) => void,
): Promise<number> {
  const { world, stop } = await startWorld();
  const counts = { passed: 0, failed: 0, 'could not run': 0, skipped: 0 };
  try {
    for (const tool of chosen) {
      const { outcome, lines } = await outcomeOf(tool, folder, mayInstall, world);
      counts[outcome] += 1;
      for (const line of lines) print(line);
    }
  } finally {
    await stop();
  }
  print(
    Object.entries(counts)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', '),
  );
  if (counts.failed > 0) return 1;
  // What was not asked has not passed; only --no-install asks for as many as there are.
  const unasked = counts['could not run'] + (mayInstall ? counts.skipped : 0);
  return unasked > 0 || counts.skipped === chosen.length ? 2 : 0;
}

interface Outcome {
  readonly outcome: 'passed' | 'failed' | 'could not run' | 'skipped';
  readonly lines: readonly string[];
}

async function outcomeOf(tool: Tool, folder: string, mayInstall: boolean, world: World): Promise<Outcome> {
  const { name, source } = tool;
  try {
    const bin = await programOf(tool, folder, mayInstall && missingFor(source) === null);
    if (bin === null)
      return {
        outcome: 'skipped',
        lines: [`SKIPPED ${name}: ${(mayInstall && missingFor(source)) || 'it is not installed'}`],
      };
    const evidence = await ask(tool, bin, world);
    const { passed, findings, accepted, summary } = evidence;
    keepEvidence(name, evidence);
    const covered = accepted.reduce((sum, { count }) => sum + count, 0);
    const waived = covered > 0 ? `, ${covered} accepted for ${accepted.length} reasons` : '';
    return {
      outcome: passed ? 'passed' : 'failed',
      lines: [
        `${passed ? 'ok  ' : 'FAIL'} ${name} ${evidence.version}: ${summary}${waived}`,
        ...findings.slice(0, 20).map((line) => `     ${line}`),
      ],
    };
  } catch (error) {
    const text = error instanceof Error ? error.message.slice(0, 400) : String(error);
    return { outcome: 'could not run', lines: [`ERR  ${name}: ${text}`] };
  }
}

async function startWorld(): Promise<{ world: World; stop(): Promise<void> }> {
  const victim = await startVictim();
  const { backing } = victim;
  const service = await backing.start({ POLICIES_FILE: join(backing.dir, 'policies.json') });
  const admin = backing.users.find(({ role }) => role === 'admin');
  if (!admin) throw new Error('the test users have an admin');
  const { accessToken: token } = await service.login(admin);
  const { api: port, internal: internalPort } = service.ports;
  return {
    world: {
      root,
      port,
      internalPort,
      redisPort: backing.redis.port,
      ca: join(backing.dir, 'tls/ca.crt'),
      token,
    },
    stop: () => victim.stop(),
  };
}

async function ask(tool: Tool, bin: string, world: World): Promise<Omit<Evidence, 'date'>> {
  const answers: { output: string; code: number }[] = [];
  for (const one of tool.runs(bin, world)) answers.push(await answerOf(one));
  const outputs = answers.map(({ output }) => output);
  const code = Math.max(...answers.map((answer) => answer.code));
  const { findings, summary } = tool.read(outputs.join('\n'), code, outputs);
  const reasonOf = (finding: string): string | undefined =>
    tool.accepted?.find((one) => one.finding.test(finding))?.reason;
  const accepted = (tool.accepted ?? []).flatMap(({ reason }) => {
    const covered = findings.filter((finding) => reasonOf(finding) === reason);
    return covered.length > 0 ? [{ reason, count: covered.length, examples: covered.slice(0, 3) }] : [];
  });
  const idle = (tool.accepted ?? []).filter(({ reason }) => !accepted.some((one) => one.reason === reason));
  const left = [
    ...findings.filter((finding) => reasonOf(finding) === undefined),
    ...idle.map(({ finding }) => `nothing needs to be accepted for ${finding} any more: remove the reason`),
  ];
  return {
    tool: tool.name,
    version: versionOf(tool.source),
    expects: tool.expects,
    passed: left.length === 0,
    summary,
    findings: left,
    accepted,
  };
}

/** Tools exit non-zero when they find something: that is an answer. One that cannot start is none. */
async function answerOf({
  command,
  args,
  env = {},
  cwd = root,
}: Run): Promise<{ output: string; code: number }> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024, timeout: 600_000 };
  try {
    const { stdout, stderr } = await run(command, [...args], options);
    return { output: stdout || stderr, code: 0 };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { output: stdout || stderr, code };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exit(
    await main(process.argv.slice(2), (text) => {
      process.stdout.write(`${text}\n`);
    }),
  );
