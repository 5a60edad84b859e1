import { catalogue, type Definition } from '../contract/metrics.ts';
import { isClosed } from './query/selectors.ts';

/** What observability costs: series by metric, from label domains, buckets and replicas. */

/** An environment. */
export type Environment = 'local' | 'dev' | 'staging' | 'prod';

/** Replicas at most, and the series of the service that an environment may have. */
export const seriesBudgets: Readonly<
  Record<Environment, { readonly replicas: number; readonly series: number }>
> = {
  local: { replicas: 2, series: 6_000 },
  dev: { replicas: 2, series: 6_000 },
  staging: { replicas: 4, series: 12_000 },
  prod: { replicas: 10, series: 30_000 },
};
/** Series of everything else: exporters, Prometheus, Alertmanager, Grafana, edge, recorded rules. */
export const otherSeries = 10_000;

/**
 * Combinations that cannot occur together, by metric: a route answers to few methods and statuses, so that the product of
 * all domains would be several times too high.
 */
const together: Readonly<Record<string, { readonly labels: readonly string[]; readonly atMost: number }>> = {
  http_requests_total: { labels: ['route', 'method', 'status'], atMost: 240 },
  http_request_duration_seconds: { labels: ['route', 'method'], atMost: 80 },
};

/** Most series of one metric on one replica. */
export function seriesOf(name: string, { type, labels, buckets = [] }: Definition): number {
  const limited = together[name];
  const free = Object.entries(labels).filter(([label]) => !limited?.labels.includes(label));
  const combinations = free.reduce(
    (product, [, domain]) => product * (isClosed(domain) ? domain.length : domain.atMost),
    limited?.atMost ?? 1,
  );
  // A histogram's buckets, +Inf, sum and count.
  return combinations * (type === 'histogram' ? buckets.length + 3 : 1);
}

/** Most series of the service in an environment, by metric, largest first. */
export function seriesByMetric(
  environment: Environment,
): { readonly name: string; readonly series: number }[] {
  const { replicas } = seriesBudgets[environment];
  return Object.entries(catalogue)
    .map(([name, definition]) => ({ name, series: seriesOf(name, definition) * replicas }))
    .sort((a, b) => b.series - a.series);
}

/** All series of the service in an environment. */
export const totalSeries = (environment: Environment): number =>
  seriesByMetric(environment).reduce((total, { series }) => total + series, 0);
