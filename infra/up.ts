import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clusterOf } from './kube.ts';
import { missingPrerequisites } from './prerequisites.ts';
import { spawn } from './programs/child-process.ts';
import { takingBack } from './pulumi.ts';
import { testedPerReplica } from './settings/capacity.ts';
import { BadSettings, loadSettings, type Settings } from './settings/index.ts';

const help = `Usage: npm run up -- <environment> [options]

Brings an environment up, or to what its settings say now: checks the settings, the policies and what the cluster must
have, shows the preview, asks, and runs pulumi up. Log in to a Pulumi backend first (pulumi login). The cluster is that of the
setting cluster.context, else of kubectl's current context; the question names it.

  --stack NAME   the Pulumi stack, whose file Pulumi.NAME.yaml holds the settings; default: the environment's name
  --yes          do not ask
  --preview      stop after the preview
  --refresh      compare with what runs, not with what was brought up last: puts right what was changed by hand
  --help

Exit codes: 0 done, 1 a policy or Pulumi says no, 2 could not check or wrong usage, 78 bad settings.`;

const root = fileURLToPath(new URL('..', import.meta.url));

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(argv);
  } catch (error) {
    console.error(`up: ${(error as Error).message}`);
    if (error instanceof Refused) return error.code;
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
      refresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [environment, ...more] = positionals;
  if (!environment || more.length > 0) throw new Error('name one environment; --help shows how');
  const name = values.stack ?? environment;
  const settings = settingsOfStack(name, environment);
  if (testedPerReplica() === undefined)
    console.log('up: no load test was run (npx simple378 bench capacity): limits are held to no capacity');
  const policies = await command(process.execPath, ['policies/main.ts', environment]);
  if (policies !== 0) throw new Refused(`the policies end with ${policies}`, policies);
  const missing = await missingPrerequisites(settings);
  if (missing.length > 0)
    throw new Error(`the cluster lacks what is needed:\n${missing.map((line) => `  ${line}`).join('\n')}`);
  const place = `${environment} on ${await clusterOf(settings.cluster.context)}`;
  console.log(`up: stack ${name} is ${place}`);
  const options = [
    ...['--stack', name, '--policy-pack', 'policies'],
    ...(values.refresh ? ['--refresh'] : []),
  ];
  const env = values.refresh ? takingBack : {};
  const preview = await command('pulumi', ['preview', '--diff', ...options], env);
  if (preview !== 0 || values.preview) return preview === 0 ? 0 : 1;
  if (!values.yes && !(await agreed(environment, place))) return 1;
  return (await command('pulumi', ['up', '--yes', '--skip-preview', ...options], env)) === 0 ? 0 : 1;
}

/** What Pulumi reads: the stack's own file, where there is one. @throws BadSettings; Error when it is of another environment */
function settingsOfStack(stack: string, environment: string): Settings {
  const own = existsSync(fileURLToPath(new URL(`../Pulumi.${stack}.yaml`, import.meta.url)));
  const settings = loadSettings(own ? stack : environment);
  if (settings.environment !== environment)
    throw new Error(`Pulumi.${stack}.yaml has the environment ${settings.environment}, not ${environment}`);
  return settings;
}

class Refused extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

async function agreed(environment: string, place: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nobody is there to ask; --yes goes on without');
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await prompt.question(`Bring ${place} to this? Type the environment's name: `);
  prompt.close();
  return answer.trim() === environment;
}

function command(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, [...args], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
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
