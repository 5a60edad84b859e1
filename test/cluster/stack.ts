import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Address, type Client, edgeClient } from '../../infra/cluster/client.ts';
import type { Kubectl } from '../../infra/cluster/kubectl.ts';
import { until } from '../../infra/cluster/until.ts';
import type { Fresh } from '../../infra/render/fresh.ts';
import type { Settings } from '../../infra/settings/index.ts';
import { type Prometheus, prometheusAt } from '../../slo/prometheus.ts';
import { apply, writeRevealed } from './apply.ts';

/** A deployed environment under test. */
export interface Cluster {
  readonly kubectl: Kubectl;
  readonly settings: Settings;
  /** Where `render --reveal-secrets --out` writes. */
  readonly folder: string;
  /** What it made, as it is now: passwords and certificates. */
  readonly material: Fresh;
  /** A command that kills a container at once, given namespace, pod and container; else pods are deleted. */
  readonly crash: string | undefined;
  /** A client through the edge; opened anew after the edge's pod changed. */
  client(): Promise<Client>;
  /** Where the edge is reached. */
  address(): Promise<Address>;
  /** Changes settings, `KEY=VALUE`, beside those that were changed before, and brings the environment up with them. */
  change(pairs: readonly string[]): Promise<void>;
  close(): void;
}

/** Where `render --reveal-secrets` keeps what it made for an environment. */
export const materialFile = (folder: string, environment: string): string =>
  join(folder, `${environment}.material.json`);

/**
 * @param set the changes of settings, `KEY=VALUE`, that it runs with
 * @param folder where `render --reveal-secrets --out` wrote
 */
export function cluster(
  kubectl: Kubectl,
  settings: Settings,
  set: readonly string[],
  folder: string,
  crash?: string,
): Cluster {
  const { environment, edge } = settings;
  const material = () => JSON.parse(readFileSync(materialFile(folder, environment), 'utf8')) as Fresh;
  let changes = set;
  let open: { address: Address; stop: () => void; client: Client } | undefined;
  const opened = async () => {
    if (!open) {
      const { address, close: stop } = await edgeAddress(kubectl);
      const authority = material().certificates.authority?.crt ?? '';
      open = { address, stop, client: edgeClient(address, edge.host, authority) };
    }
    return open;
  };
  return {
    kubectl,
    settings,
    folder,
    crash,
    get material() {
      return material();
    },
    client: async () => (await opened()).client,
    address: async () => (await opened()).address,
    async change(pairs) {
      changes = [...changes, ...pairs];
      await apply(kubectl, await writeRevealed(environment, changes, folder), settings);
    },
    close() {
      open?.client.close();
      open?.stop();
      open = undefined;
    },
  };
}

/** The Service's own address where this machine reaches it, as on a node or in a lab; else a forwarded port. */
async function edgeAddress(kubectl: Kubectl): Promise<{ address: Address; close: () => void }> {
  const { spec } = await kubectl.json<{ spec: { clusterIP: string } }>('get', 'service', 'edge');
  if (await connects(spec.clusterIP, 443))
    return { address: { address: spec.clusterIP, port: 443 }, close: () => undefined };
  const forward = await kubectl.forward('service/edge', 443);
  return { address: { address: '127.0.0.1', port: forward.port }, close: () => forward.close() };
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket
      .on('connect', () => end(true))
      .on('timeout', () => end(false))
      .on('error', () => end(false));
  });
}

/**
 * Logs a first user in; waits while logins answer 503, as they do without Redis, or 429: all checks log in from one address.
 * @throws Error with the answer
 */
export async function login({ client, material }: Cluster, email: string): Promise<string> {
  const password = material.values[`password/user/${email}`];
  const json = { email, password };
  const answer = await until(`login of ${email}`, 90, async () => {
    const one = await (await client()).call('POST', '/api/v1/auth/login', { json });
    if ([0, 429, 503].includes(one.status)) throw new Error(`${one.status} ${one.body}`);
    return one;
  });
  if (answer.status !== 200) throw new Error(`login of ${email}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { accessToken: string }).accessToken;
}

/** Forwards a port to the Prometheus of an environment for as long as a function runs. */
export async function withPrometheus<T>(
  kubectl: Kubectl,
  use: (prometheus: Prometheus) => Promise<T>,
): Promise<T> {
  const forward = await kubectl.forward('service/prometheus', 9090);
  try {
    return await use(prometheusAt(`http://127.0.0.1:${forward.port}`));
  } finally {
    forward.close();
  }
}
