import { setTimeout as sleep } from 'node:timers/promises';
import { supervisorPid } from './stack-file.ts';

const patienceMs = 60_000;

/** Stops the stack of this checkout in order. @returns the exit code */
export async function stop(): Promise<number> {
  const pid = supervisorPid();
  if (pid === undefined) {
    console.log('Nothing runs.');
    return 0;
  }
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + patienceMs; supervisorPid() === pid && Date.now() < end; ) await sleep(100);
  if (supervisorPid() === pid) {
    console.error(`The stack (process ${pid}) does not end; its logs are in .local/log`);
    return 1;
  }
  console.log('Stopped.');
  return 0;
}
