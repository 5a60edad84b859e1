import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { CouldNotCheck } from '../lib/command.ts';

/** A port of a pod, reachable on this machine until it is closed. */
export interface Forwarded {
  readonly port: number;
  close(): void;
}

/** Forwards a pod's port to a free one here. @throws CouldNotCheck when kubectl cannot */
export async function forward(namespace: string, pod: string, port: number): Promise<Forwarded> {
  const child = spawn('kubectl', ['--namespace', namespace, 'port-forward', pod, `:${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { port: await localPort(child, pod), close: () => child.kill() };
}

/** Asks kubectl. @throws CouldNotCheck */
export function kubectl(...args: string[]): string {
  const { status, stdout, error } = spawnSync('kubectl', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined)
    throw new CouldNotCheck('kubectl is not installed: https://kubernetes.io/docs/tasks/tools/');
  if (status !== 0) throw new CouldNotCheck(`kubectl ${args.join(' ')} ended with ${status}`);
  return stdout;
}

function localPort(child: ChildProcess, pod: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = '';
    child.on('error', () => reject(new CouldNotCheck('kubectl is not installed')));
    child.on('exit', () => reject(new CouldNotCheck(`no port of ${pod} can be forwarded`)));
    child.stdout?.on('data', (chunk) => {
      seen += chunk;
      const found = /127\.0\.0\.1:(\d+)/.exec(seen);
      if (found) resolve(Number(found[1]));
    });
  });
}
