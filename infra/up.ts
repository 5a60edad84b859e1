import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missingPrerequisites } from './prerequisites.ts';
import { BadSettings, loadSettings } from './settings.ts';

const help = `Usage: npm run up -- <environment> [options]

Brings an environment up, or to what its settings say now: checks the settings, the policies and what the cluster must
have, shows the preview, asks, and runs pulumi up. Log in to a Pulumi backend first (pulumi login) and let kubectl's current
context name the cluster.

  --stack NAME   the Pulumi stack; default: the environment's name
  --yes          do not ask
  --preview      stop after the preview
  --help

Exit codes: 0 done, 1 a policy or Pulumi says no, 2 could not check or wrong usage, 78 bad settings.`;

const root = fileURLToPath(new URL('..', import.meta.url));

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(argv);
  } catch (error) {
    console.error(`up: ${(error as Error).message}`);
    if (error instanceof Refused) return 1;
    return error instanceof BadSettings ? 78 : 2;
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      stack: { type: 'string' },
      yes: { type: 'boolean', default: false },
      preview: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [environment, ...more] = positionals;
  if (!environment || more.length > 0) throw new Error('name one environment; --help shows how');
  const settings = loadSettings(environment);
  const policies = await command(process.execPath, ['policies/main.ts', environment]);
  if (policies !== 0) throw new Refused(`the policies say no (exit code ${policies})`);
  const missing = await missingPrerequisites(settings);
  if (missing.length > 0)
    throw new Error(`the cluster lacks what is needed:\n${missing.map((line) => `  ${line}`).join('\n')}`);
  const stack = ['--stack', values.stack ?? environment];
  const preview = await command('pulumi', ['preview', '--diff', ...stack, '--policy-pack', 'policies']);
  if (preview !== 0 || values.preview) return preview === 0 ? 0 : 1;
  if (!values.yes && !(await agreed(environment))) return 1;
  return (await command('pulumi', [
    'up',
    '--yes',
    '--skip-preview',
    ...stack,
    '--policy-pack',
    'policies',
  ])) === 0
    ? 0
    : 1;
}

class Refused extends Error {}

async function agreed(environment: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nobody is there to ask; --yes goes on without');
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await prompt.question(`Bring ${environment} to this? Type its name: `);
  prompt.close();
  return answer.trim() === environment;
}

function command(name: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, [...args], { cwd: root, stdio: 'inherit' });
    child.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        new Error(
          code === 'ENOENT' ? `${name} is not installed: see docs/operations.md, "Install"` : message,
        ),
      ),
    );
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
