import { basename } from 'node:path';
import type { Settings } from '../settings/index.ts';
import { redisHosts } from '../settings/service-environment.ts';
import { besidePod, dataPod, refused, runPod, waiting } from './data-pods.ts';
import type { Kubectl } from './kubectl.ts';
import { Final, until } from './until.ts';

/**
 * Puts a copy in the place of Redis' data: stops Redis, puts the copy on one server's volume and empties the others, which
 * then copy that server, and starts it again. What was there stays on each volume as `before-restore-<time>`.
 * @param file a name in the backup volume
 * @param say is told what happens, line by line
 * @throws Error; once it was stopped Redis is started again in any case, SIGINT and SIGTERM included
 */
export async function restore(
  kubectl: Kubectl,
  settings: Settings,
  file: string,
  say: (line: string) => void = () => undefined,
): Promise<void> {
  const signals = heedSignals(say);
  try {
    // Of the settings, not what is there: an interrupted restore may have left none.
    const hosts = redisHosts(settings);
    const target = await serverBesideCopies(kubectl, settings, hosts.length, signals.check);
    const run = (server: number, ...copy: string[]) => {
      signals.check();
      const command = ['sh', '/etc/backup/restore.sh', hosts[target] as string, ...copy];
      const volumes = copy.length > 0 ? ({ copies: 'read', server } as const) : { server };
      const pod = dataPod(settings, `redis-restore-${server}`, command, volumes);
      return runPod(kubectl, pod, say, signals.check);
    };
    try {
      say('Redis stops');
      await scale(kubectl, 0);
      await until('end of the pods of Redis', 300, async () => {
        signals.check();
        const pods = ['get', 'pods', '-l', 'app.kubernetes.io/name=redis'];
        return (await kubectl.json<{ items: unknown[] }>(...pods)).items.length === 0;
      });
      // The copy first: from then on its server is the one to follow, whatever becomes of the others.
      await run(target, file);
      for (const server of hosts.keys()) if (server !== target) await run(server);
    } finally {
      say('Redis starts');
      await until('the start of Redis', 120, () => scale(kubectl, hosts.length).then(() => true));
    }
  } finally {
    signals.end();
  }
  await kubectl.run(['rollout', 'status', 'statefulset/redis', '--timeout=600s']);
}

const scale = (kubectl: Kubectl, replicas: number): Promise<string> =>
  kubectl.run(['scale', 'statefulset/redis', `--replicas=${replicas}`]);

/**
 * The first server whose volume one node can mount together with that of the copies; tried before anything is stopped.
 * @throws Error when there is none, as where volumes belong to zones and a single server is in another one than its copies
 */
async function serverBesideCopies(
  kubectl: Kubectl,
  settings: Settings,
  servers: number,
  check: () => void,
): Promise<number> {
  const reasons: string[] = [];
  for (let server = 0; server < servers; server++) {
    const why = await refused(
      kubectl,
      dataPod(settings, 'redis-restore-check', waiting, { copies: 'read', server }),
      check,
    );
    if (why === undefined) return server;
    reasons.push(`redis-${server}: ${why}`);
  }
  throw new Error(
    `no node takes a pod with the volumes of the copies and of a server: ${reasons.join('; ')}. Redis was not stopped; docs/operations.md, "Back up and restore", says what to do`,
  );
}

/** Turns SIGINT and SIGTERM into an error of the next check, so that what was begun is put in order. */
function heedSignals(say: (line: string) => void): { readonly check: () => void; readonly end: () => void } {
  let came: string | undefined;
  const heed = (signal: string) => {
    came = signal;
    say(`${signal}: puts things in order first`);
  };
  process.on('SIGINT', heed).on('SIGTERM', heed);
  return {
    check() {
      if (came !== undefined) throw new Final(`interrupted by ${came}`);
    },
    end: () => void process.off('SIGINT', heed).off('SIGTERM', heed),
  };
}

/** Names of the copies, newest first. */
export async function listBackups(kubectl: Kubectl, settings: Settings): Promise<string[]> {
  // The shell lists them: an image need not have `ls`.
  const list = ['sh', '-c', `printf '%s\\n' /backup/*`];
  const printed = await runPod(kubectl, dataPod(settings, 'redis-copies', list, { copies: 'read' }));
  return printed
    .split('\n')
    .filter((path) => path.endsWith('.rdb'))
    .map((path) => basename(path))
    .sort()
    .reverse();
}

/** Brings a copy to this machine. @param to a file, which is made 0600 */
export function download(kubectl: Kubectl, settings: Settings, copy: string, to: string): Promise<void> {
  return besidePod(kubectl, dataPod(settings, 'redis-download', waiting, { copies: 'read' }), (exec) =>
    kubectl.pipe([...exec, 'cat', `/backup/${copy}`], { to }),
  );
}

/** Puts a file of this machine among the copies, whole or not at all. */
export function upload(kubectl: Kubectl, settings: Settings, from: string, copy: string): Promise<void> {
  const write = `umask 077; cat > /backup/${copy}.part && mv /backup/${copy}.part /backup/${copy}`;
  return besidePod(kubectl, dataPod(settings, 'redis-upload', waiting, { copies: 'write' }), (exec) =>
    kubectl.pipe([...exec, 'sh', '-c', write], { from }),
  );
}
