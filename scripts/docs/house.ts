import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connections, connections } from '../../infra/connections.ts';
import { basePorts } from '../../infra/local/layout.ts';
import { diagram } from '../../infra/network/diagram.ts';
import { loadSettings } from '../../infra/settings.ts';
import { allowed, rooms, shared } from '../boundaries.ts';
import type { Section } from './sections.ts';
import { table } from './table.ts';

/** Parts of the guides that show what the stack is made of. */
export const houseSections: readonly Section[] = [
  { file: 'README.md', name: 'ports', content: ports },
  { file: 'README.md', name: 'parts', content: parts },
  { file: 'ARCHITECTURE.md', name: 'rooms', content: houseRooms },
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

/** What each room is for. */
const purposes: Readonly<Record<(typeof rooms)[number], string>> = {
  app: 'what runs in the pods: API, limiter, auth, cases, sync, metrics',
  slo: 'objectives; recording rules, alerts and load thresholds that follow from them',
  dashboards: 'Grafana dashboards as typed code',
  infra:
    'settings, `config/` (writers of configuration), `components/` and `index.ts` (Pulumi), `local/` (`npm start`)',
  policies: 'the security checklist: static rules, live checks, proofs',
  loadtests: 'k6 scenarios and their runner',
  scripts: 'commands that tie the rooms together',
  test: 'what tests share: real servers on free ports',
};

function houseRooms(): string {
  const imports = (room: (typeof rooms)[number]) =>
    ['the shared files', ...allowed[room].map((path) => `\`${path}\``)].join(', ');
  return [
    table(
      ['Room', 'What it is', 'May import of other rooms'],
      rooms.map((room) => [`\`${room}/\``, purposes[room], imports(room)]),
    ),
    '',
    `The shared files are ${shared.map((file) => `\`${file}\``).join(', ')}.`,
  ].join('\n');
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
  const shown: Connections = { nodes, outsides: { clients: 'anyone' }, list };
  return mermaid(diagram(shown));
}

function clusterConnections(root: string): string {
  return mermaid(readFileSync(join(root, 'docs/generated/connections.mmd'), 'utf8'));
}

const mermaid = (text: string): string => `\`\`\`mermaid\n${text.trimEnd()}\n\`\`\``;
