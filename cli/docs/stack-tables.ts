import { basePorts } from '../../infra/local/layout.ts';
import { type Connections, connections } from '../../infra/network/connections.ts';
import { diagram } from '../../infra/network/diagram.ts';
import { loadSettings } from '../../infra/settings/index.ts';
import { allowed, folders } from '../imports/boundaries.ts';
import { type Section, table } from './section.ts';

/** Parts of the guides that show what the stack is made of. */
export const stackSections: readonly Section[] = [
  { file: 'README.md', name: 'ports', content: ports },
  { file: 'README.md', name: 'parts', content: parts },
  { file: 'ARCHITECTURE.md', name: 'folders', content: folderTable },
  { file: 'ARCHITECTURE.md', name: 'connections', content: clusterConnections },
];

/** What listens, for people, and on which of the ports. */
const listeners: Readonly<Record<string, readonly (keyof typeof basePorts)[]>> = {
  'API, two replicas, TLS': ['api1', 'api2'],
  'metrics and probes of each, TLS': ['internal1', 'internal2'],
  'plain HTTP, which only refuses': ['plain'],
  'Redis, TLS, and its exporter': ['redis', 'exporter'],
  'Prometheus, Alertmanager, Grafana': ['prometheus', 'alertmanager', 'grafana'],
};

function ports(): string {
  return table(
    ['Listens on loopback', 'Port'],
    Object.entries(listeners).map(([what, names]) => [what, names.map((name) => basePorts[name]).join(', ')]),
  );
}

/** The purpose of each folder. */
const purposes: Readonly<Record<(typeof folders)[number], string>> = {
  contract: 'what several parts must agree on, pure data: metrics, limit policies, response headers',
  limiter: 'the rate limiter: algorithm, Redis store, Fastify plugin, benchmark beside peers',
  app: 'the service: API, auth, users, cases, sync, telemetry',
  slo: 'objectives; recording rules, alerts and load thresholds that follow from them',
  dashboards: 'Grafana dashboards as typed code',
  infra:
    'settings, `network/`, `config/` (writers of configuration), `components/` and `index.ts` (Pulumi), `local/` (`npm start`)',
  policies: 'the security checklist: controls, static rules, live checks',
  loadtests: 'k6 scenarios and their runner',
  cli: 'the commands, one thin file each',
  test: 'tests of several parts, shared fixtures and servers',
};

function folderTable(): string {
  const imports = (folder: (typeof folders)[number]) =>
    folder === 'test' ? 'anything' : allowed[folder].map((name) => `\`${name}/\``).join(', ');
  return table(
    ['Folder', 'Content', 'May import'],
    folders.map((folder) => [`\`${folder}/\``, purposes[folder], imports(folder)]),
  );
}

/** Of an environment's pods, those that the local stack runs as processes. */
const local = ['case-service', 'prometheus', 'alertmanager', 'redis', 'grafana'];

/** The connections of the local stack: those of a cluster without what only a cluster has, and clients without an edge. */
function parts(): string {
  const graph = connections(loadSettings('local'));
  const list = graph.list
    .map((one) => (one.from === 'clients' ? { ...one, to: 'case-service', port: 'api' } : one))
    .filter(({ from, to }) => (local.includes(from) || from === 'clients') && local.includes(to));
  const nodes = Object.fromEntries(Object.entries(graph.nodes).filter(([name]) => local.includes(name)));
  const shown: Connections = { nodes, externalPeers: { clients: { cidrs: [] } }, list };
  return mermaid(diagram(shown));
}

function clusterConnections(): string {
  return mermaid(diagram(connections(loadSettings('prod'))));
}

const mermaid = (text: string): string => `\`\`\`mermaid\n${text.trimEnd()}\n\`\`\``;
