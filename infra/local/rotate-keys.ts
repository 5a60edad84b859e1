import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reseal } from '../../test/cluster/reseal.ts';
import { exitCodeOf, reach } from '../cluster/command.ts';
import type { Kubectl } from '../cluster/kubectl.ts';
import { spawnSync } from '../programs/child-process.ts';
import { loadSettings } from '../settings/index.ts';
import { replicaEnvironment } from './components.ts';
import { writePrivate } from './credentials.ts';
import { basePorts, paths, portsAt, root } from './layout.ts';
import { readStackFile } from './stack-file.ts';

/** Replicas look at their files every second. */
const takenUpMs = 3_000;

const help = `npx simple378 stack rotate-keys [<environment>]

Without an environment: makes a new data key for the stack that runs here, lets both replicas take it up, and seals every
case under it. With one: seals every case of that environment under its active data key, in a pod of the service of its
cluster; docs/operations.md says when.

Both while the service runs. It may be stopped and started again at any time.

Exit: 0 every case is under the active key, 1 it failed, 2 nothing runs or wrong usage, 78 bad settings.`;

process.exitCode = await exitCodeOf('rotate-keys', () => main(process.argv.slice(2)));

async function main([environment, ...more]: readonly string[]): Promise<number> {
  if (environment === undefined) return rotate();
  if (environment === '--help') {
    console.log(help);
    return 0;
  }
  if (more.length > 0) throw new Error(`${more.join(' ')}: name one environment\n\n${help}`);
  return resealIn(await reach(loadSettings(environment)));
}

async function resealIn(kubectl: Kubectl): Promise<number> {
  try {
    console.log(await reseal(kubectl));
    return 0;
  } catch (error) {
    console.error(`rotate-keys: ${(error as Error).message}`);
    return 1;
  }
}

async function rotate(): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) {
    console.error('rotate-keys: nothing runs here: npm start first, or name an environment in a cluster.');
    return 2;
  }
  const file = join(paths.serviceSecrets, 'data-keys.json');
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys: Record<string, string> };
  const active = `k${Date.now().toString(36)}`;
  writePrivate(
    file,
    `${JSON.stringify({ active, keys: { ...keys, [active]: randomBytes(32).toString('base64') } })}\n`,
  );
  console.log(`New key ${active}; waiting until both replicas use it …`);
  await sleep(takenUpMs);
  const offset = Number(new URL(stack.edge).port) - basePorts.api1;
  const { status } = spawnSync(process.execPath, [join(root, 'app', 'rotate-keys.ts')], {
    stdio: 'inherit',
    env: replicaEnvironment(1, portsAt(offset)),
  });
  if (status === 0)
    console.log(`The old key stays in ${file} for what was copied before; nothing here needs it any more.`);
  return status ?? 1;
}
