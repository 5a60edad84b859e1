import { setTimeout as sleep } from 'node:timers/promises';
import { supervisorPid } from './stack-file.ts';

const patienceMs = 60_000;

const pid = supervisorPid();
if (pid === undefined) console.log('Nothing runs.');
else {
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + patienceMs; supervisorPid() === pid && Date.now() < end; ) await sleep(100);
  if (supervisorPid() === pid) {
    console.error(`The stack (process ${pid}) does not end; its logs are in .local/log`);
    process.exitCode = 1;
  } else console.log('Stopped.');
}
