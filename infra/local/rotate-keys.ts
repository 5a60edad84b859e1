import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from '../programs/child-process.ts';
import { replicaEnvironment } from './components.ts';
import { writePrivate } from './credentials.ts';
import { basePorts, paths, portsAt, root } from './layout.ts';
import { readStackFile } from './stack-file.ts';

/** Replicas read their files every second. */
const takenUpMs = 3_000;

/**
 * Makes a new data key for the local stack, waits until both replicas use it, and encrypts every case with it. The service
 * keeps running, and the command may be repeated at any time.
 * @returns the exit code: 0 done, 1 failed, 2 no stack runs
 */
export async function rotateKeys(): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) {
    console.error('No stack runs here: start it with npm start.');
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
  if (status === 0) console.log(`The old key stays in ${file}, because older backups need it.`);
  return status ?? 1;
}
