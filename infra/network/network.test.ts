import { describe, expect, test } from 'vitest';
import { labels } from '../kubernetes/labels.ts';
import { environments, loadSettings, type Settings } from '../settings/index.ts';
import { type Connections, connections } from './connections.ts';
import { diagram } from './diagram.ts';
import { networkPolicies } from './policies.ts';
import { scrapeTargets } from './scrape.ts';
import { type Peer, reaches } from './solver.ts';

const external = { servers: ['r.example:6380'], cluster: false, cidrs: ['198.51.100.0/24'] };
const receiver = { name: 'chat', severity: 'warning', cidrs: ['203.0.113.7/32'], port: 8443 };
const oidc = {
  issuer: 'https://id.example',
  clientId: 'a',
  adminGroup: 'b',
  cidrs: ['203.0.113.8/32'],
  port: 443,
};

/** Every environment as it is, and the settings that change who talks to whom. */
const variants: [string, string, Record<string, unknown>][] = [
  ...environments.map((environment): [string, string, Record<string, unknown>] => [
    environment,
    environment,
    {},
  ]),
  ['sentinel', 'dev', { 'redis.mode': 'sentinel' }],
  [
    'limits at the edge',
    'dev',
    {
      'redis.mode': 'sentinel',
      'app.limits': 'edge',
      'app.limitGateway': {
        image: 'registry.example/simple378/a:1',
        tokens: { jwksUrl: 'https://case-service:8443/jwks.json', issuer: 'https://id.example' },
      },
    },
  ],
  ['no backup', 'dev', { 'redis.backup.enabled': false }],
  ['external Redis', 'dev', { 'redis.mode': 'external', 'redis.external': external }],
  [
    'external Redis Cluster, each node on a port of its own',
    'dev',
    {
      'redis.mode': 'external',
      'redis.external': {
        ...external,
        cluster: true,
        servers: ['r.example:7000', 'r.example:7001', 'q.example:7001'],
      },
    },
  ],
  ['no tracing', 'dev', { 'tracing.enabled': false }],
  [
    'external trace store',
    'dev',
    { 'tracing.external': { endpoint: 'https://t.example:4318', cidrs: ['203.0.113.9/32'], port: 4318 } },
  ],
  [
    'existing controller',
    'dev',
    {
      'edge.controller': 'existing',
      'edge.existing': { gatewayClass: 'a', namespace: 'gateways', podLabels: { app: 'proxy' } },
    },
  ],
  [
    'external Grafana',
    'dev',
    {
      'grafana.mode': 'external',
      'grafana.url': 'https://g.example',
      'grafana.prometheusUrl': 'https://p.example',
    },
  ],
  [
    'receiver and login',
    'dev',
    {
      'alertmanager.receivers': [receiver],
      'grafana.oidc': oidc,
    },
  ],
];

/** All that could talk: each node as a pod, each outside, and strangers. */
function peersOf(settings: Settings, graph: Connections): Map<string, Peer> {
  const peers = new Map<string, Peer>();
  for (const node of Object.keys(graph.nodes))
    peers.set(node, { labels: labels(settings, node), namespace: settings.namespace });
  for (const [name, { pods: [pod] = [], cidrs: [block] = [] }] of Object.entries(graph.externalPeers)) {
    if (name === 'clients') peers.set(name, { address: '192.0.2.55' });
    else if (pod) peers.set(name, { labels: pod.labels, namespace: pod.namespace ?? 'anywhere' });
    else peers.set(name, { address: block?.split('/')[0] as string });
  }
  peers.set('unknown pod', { labels: { app: 'x' }, namespace: settings.namespace });
  peers.set('other stack', {
    labels: { ...labels(settings, 'redis'), 'app.kubernetes.io/instance': 'other' },
    namespace: settings.namespace,
  });
  peers.set('other namespace', { labels: labels(settings, 'case-service'), namespace: 'elsewhere' });
  peers.set('internet', { address: '8.8.8.8' });
  return peers;
}

/** The ports of an external peer, of a range the first. */
const portsOf = (graph: Connections, to: string): number[] =>
  (graph.externalPeers[to]?.ports ?? []).map((port) => (typeof port === 'number' ? port : port.from));

function portsToTry(graph: Connections, to: string) {
  const named = Object.entries(graph.nodes[to]?.ports ?? {}).map(([name, number]) => ({ name, number }));
  const own = portsOf(graph, to).map((number) => ({ number }));
  return [
    ...named,
    ...own,
    { number: 53 },
    { number: 53, protocol: 'UDP' as const },
    { number: 443 },
    { number: 22 },
  ];
}

describe.each(variants)('%s', (_, environment, changes) => {
  const settings = loadSettings(environment, changes);
  const graph = connections(settings);
  const policies = networkPolicies(settings, graph);
  const peers = peersOf(settings, graph);

  test('what is declared is allowed, and every other pair is denied', () => {
    let denied = 0;
    for (const [from, source] of peers)
      for (const [to, destination] of peers) {
        if (!(from in graph.nodes) && !(to in graph.nodes)) continue;
        for (const target of portsToTry(graph, to)) {
          const declared = graph.list.some(
            (connection) =>
              connection.to === to &&
              // Clients are everyone that has an address.
              (connection.from === from || (connection.from === 'clients' && source.address !== undefined)) &&
              (to === 'dns'
                ? target.number === 53
                : connection.port
                  ? connection.port === ('name' in target ? target.name : undefined) ||
                    graph.nodes[to]?.ports[connection.port] === target.number
                  : portsOf(graph, to).includes(target.number) && !('protocol' in target)),
          );
          const allowed = reaches(policies, source, destination, target);
          expect({ from, to, target, allowed }).toEqual({ from, to, target, allowed: declared });
          if (!allowed) denied += 1;
        }
      }
    expect(denied).toBeGreaterThan(500);
  });

  test('an external Redis is reached on every port of its servers', () => {
    const servers = settings.redis.mode === 'external' ? (settings.redis.external?.servers ?? []) : [];
    const [service, store] = [peers.get('case-service') as Peer, peers.get('external-redis')];
    for (const server of servers)
      expect(reaches(policies, service, store as Peer, { number: Number(server.split(':')[1]) })).toBe(true);
  });

  test('every rule names its ports and its peers', () => {
    for (const { metadata, spec } of policies) {
      const { ingress = [], egress = [] } = spec as { ingress?: Rule[]; egress?: Rule[] };
      for (const rule of [...ingress, ...egress]) {
        expect(rule.ports.length, metadata.name).toBeGreaterThan(0);
        expect((rule.from ?? rule.to ?? []).length, metadata.name).toBeGreaterThan(0);
      }
      expect(JSON.stringify(egress)).not.toContain('0.0.0.0/0');
    }
  });

  test('everyone that asks for a name may ask the cluster and the node', () => {
    for (const node of new Set(graph.list.map(({ from }) => from).filter((from) => from in graph.nodes))) {
      const source = peers.get(node) as Peer;
      for (const protocol of ['UDP', 'TCP'] as const)
        for (const dns of [peers.get('dns') as Peer, { address: '169.254.20.10' }])
          expect(reaches(policies, source, dns, { number: 53, protocol })).toBe(true);
    }
  });

  test('scrapes only what it may reach', () => {
    const jobs = scrapeTargets(settings, graph).map(({ job }) => job);
    expect(jobs).toContain('case-service');
    expect(jobs.includes('sentinel')).toBe(settings.redis.mode === 'sentinel');
    expect(new Set(jobs).size).toBe(jobs.length);
    for (const { port, host } of scrapeTargets(settings, graph)) {
      expect(port).toBeGreaterThan(0);
      expect(host).toMatch(new RegExp(`^[a-z-]+\\.${settings.namespace}\\.svc$`));
    }
  });

  test('is drawn with every connection', () => {
    const drawn = diagram(graph);
    for (const { from, to } of graph.list.filter(({ to }) => to !== 'dns'))
      expect(drawn).toMatch(new RegExp(`${from.replaceAll('-', '_')} -->.*${to.replaceAll('-', '_')}`));
  });
});

interface Rule {
  ports: unknown[];
  from?: unknown[];
  to?: unknown[];
}

describe('the solver', () => {
  const pod = (app: string, namespace = 'a'): Peer => ({ labels: { app }, namespace });
  const policy = (spec: object) => ({
    apiVersion: 'v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'a' },
    spec,
  });

  test('lets everything through where no policy selects', () => {
    expect(reaches([], pod('x'), pod('y'), { number: 1 })).toBe(true);
    expect(
      reaches([policy({ podSelector: {}, policyTypes: ['Ingress'] })], pod('x'), pod('y', 'b'), {
        number: 1,
      }),
    ).toBe(true);
  });

  test('refuses where one selects and no rule matches', () => {
    expect(
      reaches([policy({ podSelector: {}, policyTypes: ['Ingress'] })], pod('x'), pod('y'), { number: 1 }),
    ).toBe(false);
    expect(
      reaches([policy({ podSelector: {}, policyTypes: ['Egress'] })], pod('x'), pod('y'), { number: 1 }),
    ).toBe(false);
  });

  test('takes a rule without ports or peers for every one', () => {
    const open = policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] });
    expect(reaches([open], pod('x'), pod('y'), { number: 1, protocol: 'UDP' })).toBe(true);
    const tcp = policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports: [{}] }] });
    expect(reaches([tcp], pod('x'), pod('y'), { number: 1 })).toBe(true);
    expect(reaches([tcp], pod('x'), pod('y'), { number: 1, protocol: 'UDP' })).toBe(false);
  });

  test('reads address blocks bit by bit', () => {
    const block = (cidr: string) =>
      policy({ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr } }] }] });
    expect(reaches([block('10.1.2.0/23')], pod('x'), { address: '10.1.3.255' }, { number: 1 })).toBe(true);
    expect(reaches([block('10.1.2.0/23')], pod('x'), { address: '10.1.4.0' }, { number: 1 })).toBe(false);
    expect(reaches([block('0.0.0.0/0')], pod('x'), { address: '255.255.255.255' }, { number: 1 })).toBe(true);
    expect(reaches([block('10.1.2.3')], pod('x'), { address: '10.1.2.3' }, { number: 1 })).toBe(true);
    expect(reaches([block('10.1.2.0/23')], pod('x'), pod('y', 'b'), { number: 1 })).toBe(false);
  });
});
