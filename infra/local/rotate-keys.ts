import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basePorts, paths, portsAt, root } from './layout.ts';
import { writePrivate } from './material.ts';
import { replicaEnvironment } from './parts.ts';
import { readStackFile } from './stack-file.ts';
import { usage } from './usage.ts';

/** Replicas look at their files every second. */
const takenUpMs = 3_000;

process.exitCode =
  usage(
    'rotate-keys',
    'npm run rotate-keys\n\nMakes a new data key for the stack that runs here, lets both replicas take it up, and seals every case under it. In a\ncluster: docs/operations.md.',
  ) ?? (await rotate());

async function rotate(): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) {
    console.error('rotate-keys: nothing runs here: npm start first. In a cluster: docs/operations.md.');
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
  const { status } = spawnSync(process.execPath, [join(root, 'app', 'src', 'rotate-keys.ts')], {
    stdio: 'inherit',
    env: replicaEnvironment(1, portsAt(offset)),
  });
  if (status === 0)
    console.log(`The old key stays in ${file} for what was copied before; nothing here needs it any more.`);
  return status ?? 1;
}
