import { labels } from '../kubernetes/labels.ts';
import type { Manifest } from '../kubernetes/manifest.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { connections } from '../network/connections.ts';
import { networkPolicies } from '../network/policies.ts';
import { reaches } from '../network/solver.ts';
import { imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';

/** One attempt to connect, and what must come of it. */
export interface Attempt {
  readonly to: string;
  readonly host: string;
  readonly port: number;
  readonly allowed: boolean;
}

/** What a probe found. */
export interface Found extends Attempt {
  readonly from: string;
  readonly connected: boolean;
  /** The aim is the node that the probe ran on: traffic with it is always allowed, whatever policies say. */
  readonly ownNode?: boolean;
}

/** A running pod that probes are aimed at. */
export interface Aim {
  readonly component: string;
  readonly address: string;
}

const name = 'network-probe';
const apiServerName = 'API server';

/** Who else could try: a pod of the namespace that no connection names. */
export const stranger = 'stranger';

/** All attempts of a source: every port of every node, by the address of a running pod, and one outside. */
export function attempts(settings: Settings, from: string, aims: readonly Aim[]): Attempt[] {
  const graph = connections(settings);
  const policies = networkPolicies(settings, graph);
  const source = { labels: labels(settings, from), namespace: settings.namespace };
  const inside = aims.flatMap(({ component, address }) =>
    Object.entries(graph.nodes[component]?.ports ?? {}).map(([port, number]) => ({
      to: `${component}:${port}`,
      host: address,
      port: number,
      allowed: reaches(
        policies,
        source,
        { labels: labels(settings, component), namespace: settings.namespace, address },
        { number, name: port },
      ),
    })),
  );
  // An address that is certainly there and must not be reached: the API server, through its Service.
  const apiServer = {
    to: apiServerName,
    host: 'kubernetes.default.svc',
    port: 443,
    allowed: from === 'edge',
  };
  return [...inside, apiServer];
}

/**
 * A pod with a source's network identity, which no Service selects: it tries each attempt and prints one JSON line.
 * @param image its entry point is Node.js
 */
export function probePod(
  settings: Settings,
  from: string,
  image: string,
  list: readonly Attempt[],
): Manifest {
  const template = podTemplate(settings, {
    component: from,
    name: `${name}-${from}`,
    user: imageUsers.caseService,
    restartPolicy: 'Never',
    graceSeconds: 1,
    containers: [{ name, image, args: ['-e', script, JSON.stringify(list)], cpu: 50, memory: 96 }],
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template.metadata,
      name: `${name}-${from}`,
      namespace: settings.namespace,
      labels: { ...template.metadata?.labels, 'app.kubernetes.io/name': name },
    },
    spec: { ...template.spec, serviceAccountName: 'default' },
  };
}

/**
 * Only who connects has been let through. A network plugin may learn of a new pod some moments after it runs, so what is not
 * as declared is tried again, three seconds apart, before it is believed.
 */
const script = `
const { connect } = require('node:net');
const { setTimeout } = require('node:timers/promises');
const once = ({ host, port }) => new Promise((resolve) => {
  const socket = connect({ host, port, timeout: 2500 });
  const end = (connected) => { socket.destroy(); resolve(connected); };
  socket.on('connect', () => end(true)).on('timeout', () => end(false)).on('error', () => end(false));
});
const attempt = async (a) => {
  let connected = await once(a);
  for (let again = 0; connected !== a.allowed && again < 3; again++) {
    await setTimeout(3000);
    connected = await once(a);
  }
  return { to: a.to, connected };
};
Promise.all(JSON.parse(process.argv[1]).map(attempt)).then((found) => console.log(JSON.stringify(found)));
`;

/**
 * What a probe's attempts came to.
 * @param node address of the node that it ran on
 * @param apiServers addresses of the API servers
 */
export function findings(
  from: string,
  list: readonly Attempt[],
  connected: readonly boolean[],
  node: string,
  apiServers: readonly string[],
): Found[] {
  return list.map((attempt, index) => ({
    ...attempt,
    from,
    connected: connected[index] === true,
    ownNode: attempt.to === apiServerName && apiServers.includes(node),
  }));
}

/** What the findings mean for a cluster. */
export interface Verdict {
  readonly status: 'enforced' | 'violated' | 'not enforced';
  /** What is not as declared. */
  readonly lines: readonly string[];
  /** What was reached and no policy could have stopped. */
  readonly unjudged: readonly string[];
}

/**
 * A cluster whose network lets every forbidden attempt through does not enforce policies at all: that is no pass,
 * and another problem than a wrong policy.
 */
export function verdict(found: readonly Found[]): Verdict {
  const exempt = found.filter(({ allowed, connected, ownNode }) => !allowed && connected && ownNode);
  const unjudged = exempt.map(({ from, to }) => `${from} reaches ${to} on its own node`);
  const forbidden = found.filter((one) => !one.allowed && !exempt.includes(one));
  const leaks = forbidden.filter(({ connected }) => connected);
  const cut = found.filter(({ allowed, connected }) => allowed && !connected);
  const lines = [
    ...leaks.map(({ from, to }) => `${from} reaches ${to}, which no connection allows`),
    ...cut.map(({ from, to }) => `${from} does not reach ${to}, which a connection allows`),
  ];
  if (forbidden.length > 0 && leaks.length === forbidden.length)
    return { status: 'not enforced', lines, unjudged };
  return { status: lines.length > 0 ? 'violated' : 'enforced', lines, unjudged };
}
