import { longestWindowSeconds, shortestWindowSeconds } from '../../slo/index.ts';
import { problem, type Rule, repeated } from './rule.ts';

/** Prometheus, Alertmanager, Grafana and traces. */
export const observability: readonly Rule[] = [
  ({ prometheus }) =>
    problem(
      prometheus.retentionDays * 86_400 < longestWindowSeconds,
      () =>
        `prometheus.retentionDays: ${prometheus.retentionDays} is shorter than the longest SLO window; at least ${Math.ceil(longestWindowSeconds / 86_400)}`,
    ),
  ({ prometheus }) =>
    problem(
      prometheus.scrapeIntervalSeconds > shortestWindowSeconds / 4,
      () =>
        `prometheus.scrapeIntervalSeconds: ${prometheus.scrapeIntervalSeconds} leaves too few samples in the shortest window; at most ${shortestWindowSeconds / 4}`,
    ),
  ({ alertmanager }) =>
    repeated(alertmanager.receivers.map(({ name }) => name)).map(
      (name) => `alertmanager.receivers: ${name} is there twice; names must differ`,
    ),
  ({ alertmanager }) =>
    alertmanager.receivers.flatMap(({ name, cidrs }) =>
      problem(
        cidrs.length === 0,
        () => `alertmanager.receivers: ${name} has no cidrs; nothing may leave the cluster without them`,
      ),
    ),
  ({ alertmanager }) =>
    alertmanager.receivers.flatMap(({ name, kind, mail }) =>
      problem(
        (kind === 'email') !== (mail !== undefined),
        () =>
          `alertmanager.receivers: ${name} is of kind ${kind}; mail belongs to kind email, and to no other`,
      ),
    ),
  ({ alertmanager }) =>
    alertmanager.receivers.flatMap(({ name, kind, channel }) =>
      problem(
        channel !== undefined && kind !== 'slack',
        () => `alertmanager.receivers: ${name} is of kind ${kind}; channel belongs to kind slack`,
      ),
    ),
  ({ tracing }) =>
    problem(
      tracing.external?.cidrs.length === 0,
      () => 'tracing.external.cidrs: is empty; nothing may leave the cluster without them',
    ),
  ({ grafana }) =>
    problem(
      grafana.mode === 'external' && !grafana.url,
      () => 'grafana.url: is missing; grafana.mode external needs it',
    ),
  ({ grafana }) =>
    problem(
      grafana.mode === 'external' && !grafana.prometheusUrl,
      () => 'grafana.prometheusUrl: is missing; grafana.mode external needs it',
    ),
  ({ grafana }) =>
    problem(
      grafana.mode === 'external' && grafana.oidc !== undefined,
      () => 'grafana.oidc: only grafana.mode provisioned uses it; remove it',
    ),
];
