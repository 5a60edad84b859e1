import { connections } from '../network/connections.ts';
import type { Settings } from '../settings/index.ts';
import type { Kubectl } from './kubectl.ts';
import {
  type Aim,
  attempts,
  type Found,
  findings,
  probePod,
  stranger,
  type Verdict,
  verdict,
} from './probe.ts';

/** Probes from every source, one pod each, and removes them. */
export async function probeNetwork(
  kubectl: Kubectl,
  settings: Settings,
  image = settings.app.image,
): Promise<Verdict & { tried: number }> {
  const aims = await running(kubectl, settings);
  const sources = [...Object.keys(connections(settings).nodes), stranger];
  const servers = await apiServerAddresses(kubectl);
  const found = await Promise.all(
    sources.map((from) => probeFrom(kubectl, settings, from, image, aims, servers)),
  );
  return { ...verdict(found.flat()), tried: found.flat().length };
}

async function probeFrom(
  kubectl: Kubectl,
  settings: Settings,
  from: string,
  image: string,
  aims: readonly Aim[],
  apiServers: readonly string[],
): Promise<Found[]> {
  const list = attempts(settings, from, aims);
  const pod = probePod(settings, from, image, list);
  const { name } = pod.metadata;
  await kubectl.run(['delete', 'pod', name, '--ignore-not-found', '--wait=true']);
  await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(pod));
  try {
    await kubectl.run(['wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=90s']);
    const results = JSON.parse(await kubectl.run(['logs', name])) as { connected: boolean }[];
    const { status } = await kubectl.json<Pod>('get', 'pod', name);
    const connected = results.map((one) => one.connected);
    return findings(from, list, connected, status.hostIP ?? '', apiServers);
  } finally {
    await kubectl.run(['delete', 'pod', name, '--wait=false']);
  }
}

/** Addresses of the API servers; none for who may not ask, and is then judged as if they were elsewhere. */
async function apiServerAddresses(kubectl: Kubectl): Promise<string[]> {
  const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const query = 'labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes';
  const answer = await kubectl.run(['get', '--raw', `${path}?${query}`]).catch(() => '{"items":[]}');
  const { items } = JSON.parse(answer) as { items: { endpoints?: { addresses: string[] }[] }[] };
  return items.flatMap(({ endpoints = [] }) => endpoints.flatMap(({ addresses }) => addresses));
}

/** One running pod of each component, by its address. */
async function running(kubectl: Kubectl, settings: Settings): Promise<Aim[]> {
  const { items } = await kubectl.json<{ items: Pod[] }>(
    'get',
    'pods',
    '-l',
    `app.kubernetes.io/instance=${settings.namespace}`,
  );
  const aims = new Map<string, Aim>();
  for (const { metadata, status } of items) {
    const component = metadata.labels['app.kubernetes.io/component'] ?? '';
    const ours = !metadata.name.startsWith('network-probe');
    if (ours && status.phase === 'Running' && status.podIP)
      aims.set(component, { component, address: status.podIP });
  }
  return [...aims.values()];
}

interface Pod {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status: { readonly phase: string; readonly podIP?: string; readonly hostIP?: string };
}
