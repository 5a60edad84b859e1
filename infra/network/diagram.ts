import type { Connections } from './connections.ts';

/** The connections as a Mermaid flow chart, for the docs; DNS is left out, everything asks it. */
export function diagram(graph: Connections): string {
  const id = (name: string) => name.replaceAll('-', '_');
  const nodes = Object.keys(graph.nodes).map((name) => `  ${id(name)}["${name}"]`);
  const externals = Object.keys(graph.externalPeers)
    .filter((name) => name !== 'dns')
    .map((name) => `  ${id(name)}(["${name}"])`);
  const edges = graph.list
    .filter(({ to }) => to !== 'dns')
    .map(({ from, to, port, why }) => `  ${id(from)} -->|"${port ? `${port}: ` : ''}${why}"| ${id(to)}`);
  return ['flowchart LR', ...nodes, ...externals, ...edges, ''].join('\n');
}
