import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startVictim } from '../mutants/victim.ts';
import { fileTools } from './file-tools.ts';
import { serviceTools } from './service-tools.ts';
import type { Run, Tool, World } from './types.ts';

const tools: readonly Tool[] = [...serviceTools, ...fileTools];
const help = `Asks independent tools, and keeps what they said in docs/evidence/.

usage: npm run test:external [-- [--only NAMES] [--tools DIR] [--no-install]]

  --only NAMES   comma list of ${tools.map(({ name }) => name).join(', ')}
  --tools DIR    where they are installed (default: ~/.cache/simple378/external)
  --no-install   use what is installed there; what is missing is skipped, and said
  --help

Needs python3, npm and go to install. exit code: 0 no finding without a reason, 1 findings, 2 a tool could not run
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Evidence {
  readonly tool: string;
  readonly version: string;
  readonly date: string;
  readonly expects: string;
  readonly passed: boolean;
  readonly summary: string;
  readonly findings: readonly string[];
  readonly accepted: readonly {
    readonly reason: string;
    readonly count: number;
    readonly examples: readonly string[];
  }[];
}

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
  install: boolean,
  print: (text: string) => void,
): Promise<number> {
  const { world, stop } = await startWorld();
  let [findings, errors, skipped] = [0, 0, 0];
  try {
    for (const tool of chosen) {
      try {
        const bin = await programOf(tool, folder, install);
        if (bin === null) {
          skipped += 1;
          print(`skip ${tool.name}: not installed`);
          continue;
        }
        const evidence = await ask(tool, bin, world);
        if (!evidence.passed) findings += 1;
        print(
          `${evidence.passed ? 'ok  ' : 'FAIL'} ${tool.name}: ${evidence.summary}${evidence.accepted.length > 0 ? `, ${evidence.accepted.reduce((sum, { count }) => sum + count, 0)} accepted for ${evidence.accepted.length} reasons` : ''}`,
        );
        for (const line of evidence.findings.slice(0, 20)) print(`     ${line}`);
        writeFileSync(
          join(root, 'docs/evidence', `${tool.name}.json`),
          `${JSON.stringify(evidence, null, 2)}\n`,
        );
      } catch (error) {
        errors += 1;
        print(`ERR  ${tool.name}: ${error instanceof Error ? error.message.slice(0, 400) : String(error)}`);
      }
    }
  } finally {
    await stop();
  }
  print(
    `${chosen.length - findings - errors - skipped} passed, ${findings} failed, ${errors} could not run, ${skipped} skipped`,
  );
  return findings > 0 ? 1 : errors > 0 || skipped === chosen.length ? 2 : 0;
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

async function ask(tool: Tool, bin: string, world: World): Promise<Evidence> {
  const answers: { output: string; code: number }[] = [];
  for (const one of tool.runs(bin, world)) answers.push(await answerOf(one));
  const { findings, summary } = tool.read(
    answers.map(({ output }) => output).join('\n'),
    Math.max(...answers.map(({ code }) => code)),
  );
  const reasonOf = (finding: string): string | undefined =>
    tool.accepted?.find((one) => one.finding.test(finding))?.reason;
  const accepted = (tool.accepted ?? []).flatMap(({ reason }) => {
    const covered = findings.filter((finding) => reasonOf(finding) === reason);
    return covered.length > 0 ? [{ reason, count: covered.length, examples: covered.slice(0, 3) }] : [];
  });
  const left = findings.filter((finding) => reasonOf(finding) === undefined);
  const { version } = tool.source;
  const date = new Date().toISOString().slice(0, 10);
  return {
    tool: tool.name,
    version,
    date,
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

/** The tool's program, installed when it is missing and may be. For npm the folder that holds node_modules. */
async function programOf({ name, source }: Tool, folder: string, install: boolean): Promise<string | null> {
  const home = join(folder, `${name}-${source.version.replace(/[^\w.-]+/g, '_')}`);
  const bin = 'npm' in source ? home : join(home, 'bin', source.program);
  if (existsSync('npm' in source ? join(home, 'node_modules') : bin)) return bin;
  if (!install) return null;
  mkdirSync(home, { recursive: true });
  const options = { cwd: home, maxBuffer: 64 * 1024 * 1024, timeout: 900_000 };
  if ('pip' in source) {
    await run('python3', ['-m', 'venv', home], options);
    await run(join(home, 'bin/pip'), ['install', '--quiet', `${source.pip}==${source.version}`], options);
  } else if ('go' in source) {
    await run('go', ['install', `${source.go}@${source.version}`], {
      ...options,
      env: { ...process.env, GOBIN: join(home, 'bin') },
    });
  } else {
    writeFileSync(join(home, 'package.json'), '{}');
    // Spectral finds rule sets beside the file that names them.
    writeFileSync(join(home, 'owasp.yaml'), 'extends: ["@stoplight/spectral-owasp-ruleset"]\n');
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...source.npm], options);
    const preload = join(home, 'node_modules/@mdn/mdn-http-observatory/conf');
    // Its install script would fetch the browsers' preload list, of which a service on loopback is no part.
    if (existsSync(preload)) writeFileSync(join(preload, 'hsts-preload.json'), '{}');
  }
  return bin;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exit(
    await main(process.argv.slice(2), (text) => {
      process.stdout.write(`${text}\n`);
    }),
  );
