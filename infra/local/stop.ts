import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readStackFile } from './stack-file.ts';

const patienceMs = 60_000;

const stack = readStackFile();
if (stack === undefined) console.log('Nothing runs.');
else {
  process.kill(stack.pid, 'SIGTERM');
  for (const end = Date.now() + patienceMs; isAlive(stack.pid) && Date.now() < end; ) await sleep(100);
  if (isAlive(stack.pid)) {
    console.error(`The stack (process ${stack.pid}) does not end; its logs are in .local/log`);
    process.exitCode = 1;
  } else console.log('Stopped.');
}
