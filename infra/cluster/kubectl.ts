import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type ChildProcess, execFile, spawn } from '../programs/child-process.ts';

/** kubectl for one namespace of a cluster. */
export interface Kubectl {
  readonly namespace: string;
  /** Runs kubectl and gives what it printed. @throws Error with what it complained of */
  run(args: readonly string[], input?: string): Promise<string>;
  /** The parsed answer of a command with `-o json`. */
  json<T>(...args: string[]): Promise<T>;
  /** Runs kubectl with a file as its standard input or output. @throws Error with what it complained of */
  pipe(args: readonly string[], file: { readonly from: string } | { readonly to: string }): Promise<void>;
  /** Forwards a free local port to a port of a pod or Service until closed. */
  forward(target: string, port: number): Promise<Forward>;
}

/** A forwarded port. */
export interface Forward {
  readonly port: number;
  close(): void;
}

/** kubectl for a namespace. @param context of the kubeconfig; the current one when left out */
export function kubectlFor(namespace: string, context?: string): Kubectl {
  const within = context ? [`--context=${context}`] : [];
  const scoped = (args: readonly string[]) => [...within, '--namespace', namespace, ...args];
  const run = (args: readonly string[], input?: string) => call(scoped(args), input);
  return {
    namespace,
    run,
    json: async (...args) => JSON.parse(await run([...args, '-o', 'json'])) as never,
    pipe: (args, file) => pipe(scoped(args), file),
    forward: (target, port) => forward(scoped(['port-forward', target, `:${port}`])),
  };
}

function call(args: readonly string[], input?: string): Promise<string> {
  const timeout = limitSeconds(args) * 1_000;
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 64 * 1024 * 1024, timeout };
    const child = execFile('kubectl', [...args], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const why = error.killed ? `no end within ${timeout / 1_000} s` : stderr.trim() || error.message;
      reject(new Error(`kubectl ${args.slice(0, 6).join(' ')}: ${why}`));
    });
    // It may end before it has read all; why is what it says and its exit code.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}

/** Seconds after which a kubectl is taken to hang: what runs in a pod takes what it takes, and what waits says how long. */
export function limitSeconds(args: readonly string[]): number {
  const [, own] = args.join(' ').match(/ --timeout=(\d+)s/) ?? [];
  if (own !== undefined) return Number(own) + 30;
  return args.includes('exec') ? 3_600 : 120;
}

async function pipe(
  args: readonly string[],
  file: { readonly from: string } | { readonly to: string },
): Promise<void> {
  const child = spawn('kubectl', [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const complaint = text(child.stderr);
  const moving =
    'from' in file
      ? pipeline(createReadStream(file.from), child.stdin)
      : pipeline(child.stdout, createWriteStream(file.to, { mode: 0o600 }));
  const [broken, [code]] = await Promise.all([
    moving.then(
      () => undefined,
      (error: Error) => error,
    ),
    once(child, 'exit') as Promise<[number]>,
  ]);
  if (broken || code !== 0)
    throw new Error(`kubectl ${args.slice(0, 6).join(' ')}: ${(await complaint).trim() || broken?.message}`);
}

async function forward(args: readonly string[]): Promise<Forward> {
  const child: ChildProcess = spawn('kubectl', [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const complaint = child.stderr ? text(child.stderr) : Promise.resolve('');
  const failed = once(child, 'exit').then(async () => {
    throw new Error(`kubectl ${args.join(' ')} ended: ${(await complaint).trim()}`);
  });
  failed.catch(() => undefined);
  const port = await Promise.race([listening(child), failed]);
  return { port, close: () => void child.kill() };
}

/** kubectl says `Forwarding from 127.0.0.1:41234 -> 8443`. */
async function listening(child: ChildProcess): Promise<number> {
  if (child.stdout)
    for await (const line of createInterface({ input: child.stdout })) {
      const [, port] = line.match(/^Forwarding from 127\.0\.0\.1:(\d+)/) ?? [];
      if (port) {
        child.stdout.resume();
        return Number(port);
      }
    }
  throw new Error('kubectl port-forward said nothing');
}
