import { basename } from 'node:path';
import type { PodStatus } from 'kubernetes-types/core/v1.js';
import { imageOf } from '../components/image.ts';
import type { Manifest } from '../components/manifest.ts';
import { podTemplate, type VolumeInput } from '../components/pod.ts';
import { imageUsers } from '../images.ts';
import type { Settings } from '../settings.ts';
import type { Kubectl } from './kubectl.ts';
import { until } from './stack.ts';

/**
 * Puts a copy in the place of Redis' data: stops Redis, replaces the data of every server, starts it again.
 * What was there stays on the volume as `before-restore-<time>`.
 * @param file a name in the backup volume
 * @throws Error; Redis is started again in any case
 */
export async function restore(kubectl: Kubectl, settings: Settings, file: string): Promise<void> {
  const { spec } = await kubectl.json<{ spec: { replicas: number } }>('get', 'statefulset', 'redis');
  await kubectl.run(['scale', 'statefulset/redis', '--replicas=0']);
  try {
    await kubectl.run([
      'wait',
      '--for=delete',
      'pod',
      '-l',
      'app.kubernetes.io/name=redis',
      '--timeout=180s',
    ]);
    for (let server = 0; server < spec.replicas; server++)
      await restoreServer(kubectl, settings, server, file);
  } finally {
    await kubectl.run(['scale', 'statefulset/redis', `--replicas=${spec.replicas}`]);
  }
  await kubectl.run(['rollout', 'status', 'statefulset/redis', '--timeout=300s']);
}

/** Names of the copies, newest first. */
export async function listBackups(kubectl: Kubectl, settings: Settings): Promise<string[]> {
  // The shell lists them: an image need not have `ls`.
  const list = ['sh', '-c', `printf '%s\\n' /backup/*`];
  const printed = await runPod(kubectl, dataPod(settings, 'redis-copies', list, {}));
  return printed
    .split('\n')
    .filter((path) => path.endsWith('.rdb'))
    .map((path) => basename(path))
    .sort()
    .reverse();
}

/** Brings a copy to this machine. @param to a file, which is made 0600 */
export function download(kubectl: Kubectl, settings: Settings, copy: string, to: string): Promise<void> {
  return beside(kubectl, dataPod(settings, 'redis-download', waiting, {}), (exec) =>
    kubectl.pipe([...exec, 'cat', `/backup/${copy}`], { to }),
  );
}

/** Puts a file of this machine among the copies, whole or not at all. */
export function upload(kubectl: Kubectl, settings: Settings, from: string, copy: string): Promise<void> {
  const write = `umask 077; cat > /backup/${copy}.part && mv /backup/${copy}.part /backup/${copy}`;
  return beside(kubectl, dataPod(settings, 'redis-upload', waiting, {}, ['backup']), (exec) =>
    kubectl.pipe([...exec, 'sh', '-c', write], { from }),
  );
}

const waiting = ['sleep', '3600'];

/** Runs a pod for as long as something is done in it. @param use is given the arguments of kubectl that lead into it */
async function beside(
  kubectl: Kubectl,
  pod: Manifest,
  use: (exec: readonly string[]) => Promise<void>,
): Promise<void> {
  const { name } = pod.metadata;
  await kubectl.run(['delete', 'pod', name, '--ignore-not-found', '--wait=true']);
  await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(pod));
  try {
    await kubectl.run(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s']);
    await use(['exec', '--stdin', name, '--']);
  } finally {
    await kubectl.run(['delete', 'pod', name, '--grace-period=1', '--wait=true']);
  }
}

async function restoreServer(
  kubectl: Kubectl,
  settings: Settings,
  server: number,
  file: string,
): Promise<void> {
  const command = ['sh', '/etc/backup/restore.sh', file];
  await runPod(
    kubectl,
    dataPod(settings, `redis-restore-${server}`, command, { data: { claim: `data-redis-${server}` } }),
  );
}

/** Runs a pod to its end, gives its log, and removes it. @throws Error with its log when it fails */
async function runPod(kubectl: Kubectl, pod: Manifest): Promise<string> {
  const { name } = pod.metadata;
  await kubectl.run(['delete', 'pod', name, '--ignore-not-found', '--wait=true']);
  await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(pod));
  try {
    await succeeded(kubectl, name);
    return await kubectl.run(['logs', name]);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}: ${await kubectl.run(['logs', name]).catch(() => 'no log')}`,
    );
  } finally {
    await kubectl.run(['delete', 'pod', name, '--wait=true']);
  }
}

/** Waits for a pod's end, its start included. @throws Error at once when it failed, with what the kubelet says of it */
async function succeeded(kubectl: Kubectl, name: string): Promise<void> {
  const { phase, containerStatuses } = await until(`end of pod ${name}`, 120, async () => {
    const { status } = await kubectl.json<{ status: PodStatus }>('get', 'pod', name);
    return (status.phase === 'Succeeded' || status.phase === 'Failed') && status;
  });
  if (phase === 'Succeeded') return;
  const { reason, message } = containerStatuses?.[0]?.state?.terminated ?? {};
  throw new Error(`pod ${name} failed: ${message ?? reason ?? 'no reason given'}`);
}

/** A pod that has the copies, and a server's volume where it needs one; it talks to nobody. */
export function dataPod(
  settings: Settings,
  name: string,
  command: readonly string[],
  data: Readonly<Record<string, VolumeInput>>,
  writable: readonly string[] = [],
): Manifest {
  const mounts = {
    scripts: '/etc/backup',
    backup: '/backup',
    tmp: '/tmp',
    ...(data.data ? { data: '/data' } : {}),
  };
  const template = podTemplate(settings, {
    component: 'redis-restore',
    user: imageUsers.redis,
    restartPolicy: 'Never',
    volumes: {
      scripts: { configMap: 'redis-backup-scripts' },
      backup: { claim: 'redis-backup' },
      tmp: { scratch: 16 },
      ...data,
    },
    containers: [
      {
        name: 'restore',
        image: imageOf(settings, 'redis'),
        command,
        mounts,
        writable: ['data', 'tmp', ...writable],
        cpu: 100,
        memory: 96,
      },
    ],
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, namespace: settings.namespace },
    spec: { ...template.spec, serviceAccountName: 'redis-backup' },
  };
}
