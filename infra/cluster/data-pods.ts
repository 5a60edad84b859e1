import type { PodStatus } from 'kubernetes-types/core/v1.js';
import type { Manifest } from '../kubernetes/manifest.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import type { Kubectl } from './kubectl.ts';
import { Final, until } from './until.ts';

/** What a pod that handles data has mounted: the copies, the volume of a server, or both; and which of them it writes to. */
export interface DataVolumes {
  readonly copies?: 'read' | 'write';
  /** The server's ordinal; its volume is written to. */
  readonly server?: number;
}

/** The command of a pod in which something else is done. */
export const waiting = ['sleep', '3600'] as const;

/** Seconds that a volume may take to move to another node, the image to arrive and a copy to be checked and copied. */
const longestRun = 1_800;
/** Seconds after which a pod that no node takes is given up. */
const schedulingSeconds = 10;

/** A pod that handles data; it talks to nobody. */
export function dataPod(
  settings: Settings,
  name: string,
  command: readonly string[],
  { copies, server }: DataVolumes,
): Manifest {
  const template = podTemplate(settings, {
    component: 'redis-restore',
    user: imageUsers.redis,
    restartPolicy: 'Never',
    volumes: {
      scripts: { configMap: 'redis-backup-scripts' },
      tmp: { scratch: 16 },
      ...(copies ? { backup: { claim: 'redis-backup' } } : {}),
      ...(server === undefined ? {} : { data: { claim: `data-redis-${server}` } }),
    },
    containers: [
      {
        name: 'restore',
        image: imageOf(settings, 'redis'),
        command: [...command],
        mounts: {
          scripts: '/etc/backup',
          tmp: '/tmp',
          ...(copies ? { backup: '/backup' } : {}),
          ...(server === undefined ? {} : { data: '/data' }),
        },
        writable: ['data', 'tmp', ...(copies === 'write' ? ['backup'] : [])],
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

/**
 * Runs a pod to its end, gives its log, and removes it.
 * @param say is told what the pod is at
 * @param check throws where the wait is to end early
 * @throws Error with its log when it fails
 */
export function runPod(
  kubectl: Kubectl,
  pod: Manifest,
  say: (line: string) => void = () => undefined,
  check: () => void = () => undefined,
): Promise<string> {
  const { name } = pod.metadata;
  return withPod(kubectl, pod, async () => {
    try {
      await succeeded(kubectl, name, say, check);
      return await kubectl.run(['logs', name]);
    } catch (error) {
      const log = await kubectl.run(['logs', name]).catch(() => '');
      throw new Error(`${(error as Error).message}${log && `: ${log}`}`);
    }
  });
}

/** Runs a pod for as long as something is done in it. @param use is given the arguments of kubectl that lead into it */
export function besidePod(
  kubectl: Kubectl,
  pod: Manifest,
  use: (exec: readonly string[]) => Promise<void>,
): Promise<void> {
  const { name } = pod.metadata;
  return withPod(kubectl, pod, async () => {
    await kubectl.run(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=300s']);
    await use(['exec', '--stdin', name, '--']);
  });
}

/** Why no node takes a pod, as the scheduler says; undefined when one does. */
export function refused(kubectl: Kubectl, pod: Manifest, check: () => void): Promise<string | undefined> {
  const { name } = pod.metadata;
  return withPod(kubectl, pod, async () => {
    let why = 'the scheduler said nothing';
    try {
      await until(`a node for pod ${name}`, schedulingSeconds, async () => {
        check();
        const { conditions = [] } = await statusOf(kubectl, name);
        const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
        why = scheduled?.message ?? why;
        return scheduled?.status === 'True';
      });
      return undefined;
    } catch (error) {
      if (error instanceof Final) throw error;
      return why;
    }
  });
}

async function withPod<T>(kubectl: Kubectl, pod: Manifest, use: () => Promise<T>): Promise<T> {
  const remove = [
    'delete',
    'pod',
    pod.metadata.name,
    '--ignore-not-found',
    '--grace-period=1',
    '--timeout=120s',
  ];
  await kubectl.run(remove);
  try {
    await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(pod));
    return await use();
  } finally {
    // A pod that stays would keep a volume from the node on which Redis wants it; Ctrl-C ends kubectl, too.
    await kubectl.run(remove).catch(() => kubectl.run(remove));
  }
}

/** Waits for a pod's end, its start included. @throws Error at once when it failed, with what the kubelet says of it */
async function succeeded(
  kubectl: Kubectl,
  name: string,
  say: (line: string) => void,
  check: () => void,
): Promise<void> {
  let told = '';
  const { phase, containerStatuses } = await until(`end of pod ${name}`, longestRun, async () => {
    check();
    const status = await statusOf(kubectl, name);
    const waits = status.containerStatuses?.[0]?.state?.waiting?.reason;
    const now = `pod ${name}: ${status.phase ?? 'Unknown'}${waits ? `, ${waits}` : ''}`;
    if (now !== told) say(now);
    told = now;
    return (status.phase === 'Succeeded' || status.phase === 'Failed') && status;
  });
  if (phase === 'Succeeded') return;
  const { reason, message } = containerStatuses?.[0]?.state?.terminated ?? {};
  throw new Error(`pod ${name} failed: ${message ?? reason ?? 'no reason given'}`);
}

/** @throws Final when it is gone or may not be seen: neither changes by waiting */
async function statusOf(kubectl: Kubectl, name: string): Promise<PodStatus> {
  try {
    return (await kubectl.json<{ status: PodStatus }>('get', 'pod', name)).status;
  } catch (error) {
    const { message } = error as Error;
    throw /\((NotFound|Forbidden|Unauthorized)\)/.test(message) ? new Final(message) : error;
  }
}
