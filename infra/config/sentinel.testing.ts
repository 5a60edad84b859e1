import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createAuthority, writeCertificate } from '../../test/support/certificates.ts';
import { type ChildProcess, spawn } from '../programs/child-process.ts';
import { aclFile, redisConf } from './redis.ts';
import { redisScript, type SentinelInput, sentinelAcl, sentinelConf, sentinelScript } from './sentinel.ts';

/** Three pods of mode `sentinel` as processes: each a server and a Sentinel with the real scripts, at an address of loopback. */
export interface Pods {
  /** Starts pods, all at once, by ordinal. */
  start(...ordinals: readonly number[]): void;
  /** Ends pods as a loss of power does: their volumes stay. */
  kill(...ordinals: readonly number[]): Promise<void>;
  /** Kills a pod's server alone and starts it again in place, as the kubelet does. */
  crash(ordinal: number): Promise<void>;
  /** Runs one of the pod's scripts to its end, as its containers would: its exit code. */
  runs(ordinal: number, script: (input: SentinelInput) => string): Promise<number>;
  /** What a pod's Sentinel says: the primary's ordinal and how many replicas it knows; undefined when it does not answer. */
  sees(ordinal: number): Promise<{ readonly primary: number; readonly replicas: number } | undefined>;
  /** Sends a command to a pod's server. */
  ask(ordinal: number, command: string, ...args: readonly string[]): Promise<unknown>;
  /** Connects to a pod's server as a client does, and settles when the server ends the connection. */
  staysConnected(ordinal: number): Promise<void>;
  /** Where a pod's exporter finds its Sentinel, and the file with its password. */
  forExporter(ordinal: number): { readonly sentinel: string; readonly passwords: string };
  /** Ends all of it and removes the volumes. */
  close(): Promise<void>;
}

const address = (ordinal: number) => `127.0.0.${11 + ordinal}`;
const ordinalOf = (host: string) => Number(host.split('.')[3]) - 11;
const password = 'secret';
const everybody = [0, 1, 2];

/** Makes the files of three pods with these free ports; nothing runs yet. */
export async function makePods(redisPort: number, sentinelPort: number): Promise<Pods> {
  const folder = mkdtempSync(join(tmpdir(), 'redis-sentinel-'));
  await writeCertificate(folder, await createAuthority());
  secrets(folder);
  const running = new Map<number, ChildProcess[]>();
  const inputOf = (ordinal: number): SentinelInput => ({
    primaryName: 'main',
    hosts: everybody.map(hostName),
    domain: 'redis.ns.svc',
    redisPort,
    sentinelPort,
    quorum: 2,
    downAfterMilliseconds: 1_000,
    tlsDirectory: folder,
    secretsDirectory: folder,
    dataDirectory: join(folder, `data-${ordinal}`),
    runDirectory: join(folder, `run-${ordinal}`),
  });
  for (const ordinal of everybody) {
    const input = inputOf(ordinal);
    const etc = join(folder, `etc-${ordinal}`);
    for (const path of [etc, input.dataDirectory, input.runDirectory]) mkdirSync(path);
    const bind = address(ordinal);
    const more = { port: redisPort, maxmemoryMegabytes: 64, maxclients: 100, sentinel: true };
    const conf = redisConf({ ...input, ...more, bind, aclFile: join(folder, 'users.acl') });
    writeFileSync(join(etc, 'redis.conf'), conf);
    writeFileSync(join(etc, 'sentinel.conf'), `${sentinelConf(input)}bind ${bind}\n`);
  }
  const run = (ordinal: number, script: string): ChildProcess => {
    const here = everybody
      .reduce((text, other) => text.replaceAll(hostName(other), address(other)), script)
      .replaceAll('"$HOSTNAME.redis.ns.svc"', address(ordinal))
      .replaceAll(/(--user (?:\w+|"\$user")) -p/g, `$1 -h ${address(ordinal)} -p`)
      .replaceAll('*.svc)', '127.*)')
      .replaceAll('/etc/redis/', `${folder}/etc-${ordinal}/`);
    return spawn('sh', ['-c', here], {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOSTNAME: `redis-${ordinal}` },
      detached: true,
    });
  };
  const client = async <T>(
    ordinal: number,
    port: number,
    username: string,
    use: (it: Redis) => Promise<T>,
  ) => {
    const it = new Redis({
      host: address(ordinal),
      port,
      username,
      password,
      tls: { rejectUnauthorized: false },
      lazyConnect: true,
      retryStrategy: () => null,
      commandTimeout: 2_000,
      connectTimeout: 2_000,
    });
    it.on('error', () => undefined);
    try {
      await it.connect();
      return await use(it);
    } finally {
      it.disconnect();
    }
  };
  const kill = async (...ordinals: readonly number[]) => {
    const ended = ordinals.flatMap((ordinal) => running.get(ordinal) ?? []).map(killed);
    for (const ordinal of ordinals) running.delete(ordinal);
    await Promise.all(ended);
  };
  return {
    kill,
    start(...ordinals) {
      for (const ordinal of ordinals) {
        const scripts = [redisScript(inputOf(ordinal)), sentinelScript(inputOf(ordinal))];
        running.set(
          ordinal,
          scripts.map((script) => run(ordinal, script)),
        );
      }
    },
    async crash(ordinal) {
      const [server, sentinel] = running.get(ordinal) as [ChildProcess, ChildProcess];
      await killed(server);
      running.set(ordinal, [run(ordinal, redisScript(inputOf(ordinal))), sentinel]);
    },
    async runs(ordinal, script) {
      const [code] = (await once(run(ordinal, script(inputOf(ordinal))), 'exit')) as [number];
      return code;
    },
    sees: (ordinal) =>
      client(ordinal, sentinelPort, 'sentinel', async (it) => {
        const pairs = (await it.call('sentinel', 'master', 'main')) as string[];
        const field = (name: string) => pairs[pairs.indexOf(name) + 1] as string;
        return { primary: ordinalOf(field('ip')), replicas: Number(field('num-slaves')) };
      }).catch(() => undefined),
    ask: (ordinal, command, ...args) =>
      client(ordinal, redisPort, command === 'info' ? 'sentinel' : 'case-data', (it) =>
        it.call(command, ...args),
      ),
    staysConnected: (ordinal) =>
      client(ordinal, redisPort, 'case-data', async (it) => {
        await once(it, 'close');
      }),
    forExporter(ordinal) {
      const sentinel = `rediss://${address(ordinal)}:${sentinelPort}`;
      const passwords = join(folder, 'exporter-password.json');
      writeFileSync(passwords, JSON.stringify({ [sentinel]: password }));
      return { sentinel, passwords };
    },
    async close() {
      await kill(...everybody);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const hostName = (ordinal: number) => `redis-${ordinal}.redis.ns.svc`;

/** The shell and what it started: it asks others before it becomes a server. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(-(child.pid as number), 'SIGKILL');
  await ended;
}

function secrets(folder: string): void {
  for (const user of ['replication', 'sentinel', 'sentinel-client', 'probe', 'reloader'])
    writeFileSync(join(folder, `${user}-password`), password);
  const users = Object.fromEntries(
    (['case-data', 'sentinel', 'replication', 'probe', 'exporter'] as const).map((user) => [
      user,
      [password],
    ]),
  );
  writeFileSync(join(folder, 'users.acl'), aclFile(users));
  writeFileSync(
    join(folder, 'sentinel.acl'),
    sentinelAcl({ sentinel: [password], reloader: [password], exporter: [password] }),
  );
}
