import { Redis } from 'ioredis';
import { freePort, type RedisServer, startRedis } from '../../test/support/redis.ts';
import { startSentinel } from '../../test/support/sentinel.ts';
import { connectForTest, type Proxy as FaultyProxy, startProxy, until } from '../testing/servers.ts';

/** The store of one run, and what can be done to it. */
export interface Scene {
  readonly redis: RedisServer;
  readonly proxy: FaultyProxy;
  /** Where keys are counted: the primary, whichever it is now. */
  primary(): Promise<Redis>;
}

/** One way in which a store fails. */
export interface Fault {
  readonly name: string;
  /** Milliseconds between start and end. */
  readonly lasts: number;
  readonly start?: (scene: Scene) => unknown;
  readonly end?: (scene: Scene) => unknown;
  /** The store is not there when the contenders are made; `end` brings it. */
  readonly absentAtBoot?: boolean;
  /** With a replica and a Sentinel, which promotes it. */
  readonly sentinel?: boolean;
}

const outage = 3_000;
const direct = async (scene: Scene, ...command: [string, ...string[]]): Promise<unknown> =>
  (await scene.primary()).call(...command);
const realNow = Date.now;

export const faults: readonly Fault[] = [
  {
    name: 'killed, started again after 3 s',
    lasts: outage,
    start: ({ redis }) => redis.signal('SIGKILL'),
    end: ({ redis }) => redis.restart(),
  },
  {
    name: 'restarted at once',
    lasts: 0,
    start: ({ redis }) => redis.signal('SIGTERM'),
    end: ({ redis }) => redis.restart(),
  },
  {
    name: 'frozen 3 s',
    lasts: outage,
    start: ({ redis }) => redis.signal('SIGSTOP'),
    end: ({ redis }) => redis.signal('SIGCONT'),
  },
  {
    name: 'replies 400 ms late',
    lasts: outage,
    start: ({ proxy }) => proxy.delay(400),
    end: ({ proxy }) => proxy.delay(0),
  },
  {
    name: 'replies dropped 1 s, then cut',
    lasts: 1_000,
    start: ({ proxy }) => proxy.dropReplies(true),
    end: ({ proxy }) => {
      proxy.dropReplies(false);
      proxy.cut();
    },
  },
  { name: 'connections reset', lasts: 0, start: ({ proxy }) => proxy.cut() },
  { name: 'SCRIPT FLUSH', lasts: 0, start: (scene) => direct(scene, 'SCRIPT', 'FLUSH') },
  { name: 'FLUSHALL', lasts: 0, start: (scene) => direct(scene, 'FLUSHALL') },
  {
    name: 'read-only (demoted)',
    lasts: outage,
    start: async (scene) => direct(scene, 'REPLICAOF', '127.0.0.1', String(await freePort())),
    end: (scene) => direct(scene, 'REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'primary killed, Sentinel promotes',
    lasts: 0,
    sentinel: true,
    start: ({ redis }) => redis.signal('SIGKILL'),
  },
  {
    name: 'out of memory',
    lasts: outage,
    start: (scene) => direct(scene, 'CONFIG', 'SET', 'maxmemory', '1'),
    end: (scene) => direct(scene, 'CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    name: 'absent at boot',
    lasts: outage,
    absentAtBoot: true,
    start: ({ redis }) => redis.signal('SIGKILL'),
    end: ({ redis }) => redis.restart(),
  },
  {
    name: 'garbage in every key',
    lasts: 0,
    start: async (scene) => {
      const redis = await scene.primary();
      for (const key of await redis.keys('*')) await redis.set(key, 'garbage', 'KEEPTTL');
    },
  },
  {
    name: 'clock of the service 5 min ahead',
    lasts: outage,
    start: () => {
      Date.now = () => realNow() + 300_000;
    },
    end: () => {
      Date.now = realNow;
    },
  },
];

/** As deployed: never queue, never send a consumption twice, leave a demoted primary. */
const options = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 500,
  retryStrategy: (attempt: number) => Math.min(attempt * 50, 500),
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
};

type Address = { host: string; port: number } | { sentinels: { host: string; port: number }[]; name: string };

/** Starts the store of a fault; `connect` makes a connection as a replica of the service would. */
export async function setScene(fault: Fault): Promise<{
  scene: Scene;
  connect: () => Redis;
  stop: () => Promise<void>;
}> {
  const persisted = { appendonly: 'yes', appendfsync: 'everysec' };
  const redis = await startRedis(persisted);
  const proxy = await startProxy(redis.port);
  const opened: Redis[] = [];
  const servers: { stop(): Promise<void> }[] = [redis];
  let connection: Address = { host: '127.0.0.1', port: proxy.port };
  let primaryPort = async () => redis.port;
  if (fault.sentinel) {
    const replica = await startRedis({ ...persisted, replicaof: `127.0.0.1 ${redis.port}` });
    const sentinel = await startSentinel(redis);
    servers.push(replica, sentinel);
    connection = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'main' };
    const watcher = new Redis({ port: sentinel.port, retryStrategy: () => 50 });
    watcher.on('error', () => {});
    opened.push(watcher);
    await until(async () => /num-slaves,1/.test(String(await watcher.call('SENTINEL', 'MASTER', 'main'))));
    primaryPort = async () =>
      Number(((await watcher.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')) as string[])[1]);
  }
  const direct = new Map<number, Redis>();
  return {
    scene: {
      redis,
      proxy,
      async primary() {
        const port = await primaryPort();
        let known = direct.get(port);
        if (known === undefined || known.status !== 'ready') {
          known?.disconnect();
          known = await connectForTest(port);
          direct.set(port, known);
        }
        return known;
      },
    },
    connect() {
      const client = new Redis({ ...options, ...connection });
      client.on('error', () => {});
      opened.push(client);
      return client;
    },
    async stop() {
      for (const client of [...opened, ...direct.values()]) client.disconnect();
      proxy.stop();
      for (const server of servers) await server.stop();
    },
  };
}
