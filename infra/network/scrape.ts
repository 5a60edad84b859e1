import type { Settings } from '../settings/index.ts';
import type { Connections } from './connections.ts';

/** One job of Prometheus: the addresses behind a DNS name, on one port. */
export interface ScrapeTarget {
  readonly job: string;
  /** DNS name whose addresses are the targets. */
  readonly host: string;
  readonly port: number;
  /** The name in the targets' certificate; plain HTTP when absent. */
  readonly tlsServerName?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly metricsOf?: { readonly names: string; readonly job: string };
}

/** The scrape jobs that the connections declare. */
export function scrapeTargets(settings: Settings, graph: Connections): ScrapeTarget[] {
  return graph.list.flatMap(({ to, port, scrapes = [] }) =>
    scrapes.map(({ service, ...scrape }) => ({
      ...scrape,
      host: `${service}.${settings.namespace}.svc`,
      port: graph.nodes[to]?.ports[port ?? ''] as number,
    })),
  );
}
