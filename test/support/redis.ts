import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, spawn } from '../../infra/programs/child-process.ts';
import { providedPath } from '../../infra/programs/provide.ts';

/** A real redis-server of a test's own, on a free port of loopback. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly dir: string;
  readonly process: ChildProcess;
  /** Sends a signal: SIGKILL is a crash, SIGSTOP a freeze, SIGCONT the thaw. */
  signal(signal: NodeJS.Signals): void;
  /** Starts it again on the same port and folder after it ended. */
  restart(): Promise<void>;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

/** Servers of this process: a test run that is cut short must not leave them behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts redis-server and waits until it accepts connections.
 * @param options directives as on its command line, for example `{ appendonly: 'yes' }`; with `tls-port` it speaks TLS only
 */
export async function startRedis(options: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const tlsPort = options['tls-port'];
  const port = Number(tlsPort ?? options.port ?? (await freePort()));
  const dir = mkdtempSync(join(tmpdir(), 'redis-test-'));
  const directives = {
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir,
    ...options,
    port: tlsPort === undefined ? String(port) : '0',
  };
  const args = Object.entries(directives).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(await providedPath('redis-server'), args, { stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    await accepting(port, child);
    return child;
  };
  let child = await start();
  return {
    port,
    url: `${tlsPort === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    dir,
    get process() {
      return child;
    },
    signal(signal) {
      child.kill(signal);
    },
    async restart() {
      await ended(child);
      child = await start();
    },
    async stop() {
      child.kill('SIGKILL');
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A port of loopback that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if (child.exitCode !== null)
      throw new Error(`redis-server on port ${port} exited with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      sleep(500, false),
    ]);
    socket.destroy();
    if (open) return;
    await sleep(20);
  }
  throw new Error(`redis-server on port ${port} did not accept connections within 10 s`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
