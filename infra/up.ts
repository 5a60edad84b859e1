import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { clusterOf } from './kube.ts';
import { missingPrerequisites } from './prerequisites.ts';
import { spawn } from './programs/child-process.ts';
import { takingBack } from './pulumi.ts';
import { testedPerReplica } from './settings/capacity.ts';
import { placeholders } from './settings/images.ts';
import { BadSettings, environments, hasSettings, loadSettings } from './settings/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Options of `npm run up`. */
export interface UpOptions {
  /** The Pulumi stack; the environment's name when left out. */
  readonly stack?: string | undefined;
  /** Brings the stack up without a question. */
  readonly yes: boolean;
  /** Stops after the preview. */
  readonly preview: boolean;
  /** Compares with the cluster instead of the state of the last up. */
  readonly refresh: boolean;
}

/**
 * Checks settings, policies and the cluster's prerequisites, shows the preview, asks, and runs `pulumi up`.
 * @param named an environment, or a stack with a file of its own
 * @param policies judges that stack and returns the exit code
 * @returns the exit code: 0 done, 1 Pulumi or the person refused, else that of the policies
 * @throws BadSettings; Error when the cluster lacks a prerequisite
 */
export async function bringUp(
  named: string,
  options: UpOptions,
  policies: (stack: string) => Promise<number>,
): Promise<number> {
  const name = options.stack ?? named;
  const file = hasSettings(name) ? name : named;
  const settings = loadSettings(file);
  const { environment } = settings;
  if (environments.some((one) => one === named) && environment !== named)
    throw new Error(`Pulumi.${file}.yaml has the environment ${environment}, not ${named}`);
  const replaced = placeholders(settings);
  if (replaced.length > 0) throw new BadSettings(replaced, `Pulumi.${file}.yaml`);
  if (testedPerReplica() === undefined)
    console.log(
      'No capacity was measured (npx simple378 bench capacity), so limits are not checked against it.',
    );
  const code = await policies(file);
  if (code !== 0) {
    console.error(`The policies end with exit code ${code}; nothing was changed.`);
    return code;
  }
  const missing = await missingPrerequisites(settings);
  if (missing.length > 0)
    throw new Error(`the cluster lacks prerequisites:\n${missing.map((line) => `  ${line}`).join('\n')}`);
  const place = `${environment} on ${await clusterOf(settings.cluster.context)}`;
  console.log(`Stack ${name} is ${place}`);
  const flags = [
    ...['--stack', name, '--policy-pack', 'policies'],
    ...(options.refresh ? ['--refresh'] : []),
  ];
  const variables = options.refresh ? takingBack : {};
  const preview = await command('pulumi', ['preview', '--diff', ...flags], variables);
  if (preview !== 0 || options.preview) return preview === 0 ? 0 : 1;
  if (!options.yes && !(await agreed(environment, place))) return 1;
  return (await command('pulumi', ['up', '--yes', '--skip-preview', ...flags], variables)) === 0 ? 0 : 1;
}

async function agreed(environment: string, place: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('stdin is not a terminal; add --yes to confirm');
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
