import { longestWindowSeconds, shortestWindowSeconds } from '../../slo/objectives/burn-rates.ts';
import { type Rule, refuse, refuseEach, repeated } from './rule.ts';
import type { Settings } from './schema.ts';

const fewestDays = Math.ceil(longestWindowSeconds / 86_400);
const longestInterval = shortestWindowSeconds / 4;
const receivers = ({ alertmanager }: Settings) => alertmanager.receivers;
const isExternal = ({ grafana }: Settings) => grafana.mode === 'external';

/** Returns the port of an https URL. */
const portOf = (url: string): number => Number(new URL(url).port || 443);
const hostOf = (url: string): string => new URL(url).hostname;

/** Prometheus, Alertmanager, Grafana and traces. */
export const observability: readonly Rule[] = [
  refuse(
    ({ prometheus }) => prometheus.retentionDays < fewestDays,
    ({ prometheus }) =>
      `prometheus.retentionDays: ${prometheus.retentionDays} is shorter than the longest SLO window; at least ${fewestDays}`,
  ),
  refuse(
    ({ prometheus }) => prometheus.scrapeIntervalSeconds > longestInterval,
    ({ prometheus }) =>
      `prometheus.scrapeIntervalSeconds: ${prometheus.scrapeIntervalSeconds} leaves too few samples in the shortest window; at most ${longestInterval}`,
  ),
  refuseEach(
    ({ prometheus }) => prometheus.budgetDays.map(Number).filter((days) => prometheus.retentionDays < days),
    (days, { prometheus }) =>
      `prometheus.retentionDays: ${prometheus.retentionDays} is shorter than the ${days} of prometheus.budgetDays; at least ${days}`,
  ),
  refuse(
    (s) =>
      receivers(s).some(({ severity }) => severity === 'critical') &&
      !receivers(s).some(({ severity }) => severity === 'warning'),
    () =>
      'alertmanager.receivers: one has the severity critical and none the severity warning; most alerts are warnings and would reach nobody, so add one, such as a chat',
  ),
  refuseEach(
    ({ prometheus }) => Object.keys(prometheus.externalLabels).filter((key) => !/^[A-Za-z_]\w*$/.test(key)),
    (key) => `prometheus.externalLabels: ${key} is no label name; letters, digits and _ alone`,
  ),
  refuseEach(
    ({ prometheus }) =>
      Object.keys(prometheus.externalLabels).filter((key) =>
        ['environment', 'cluster', 'region'].includes(key),
      ),
    (key) =>
      `prometheus.externalLabels: ${key} is there already; set ${key === 'environment' ? 'environment' : `cluster.${key === 'cluster' ? 'name' : 'region'}`}`,
  ),
  refuseEach(
    ({ prometheus }) => repeated(prometheus.remoteWrite.map(({ name }) => name)),
    (name) => `prometheus.remoteWrite: ${name} is there twice; names must differ`,
  ),
  refuseEach(
    ({ prometheus }) => prometheus.remoteWrite.filter(({ cidrs }) => cidrs.length === 0),
    ({ name }) => `prometheus.remoteWrite: ${name} has no cidrs; nothing may leave the cluster without them`,
  ),
  refuseEach(
    ({ prometheus }) => prometheus.remoteWrite.filter(({ url, port }) => portOf(url) !== port),
    ({ name, url, port }) =>
      `prometheus.remoteWrite: ${name} has the port ${port}, and its url ${url} the port ${portOf(url)}; give both the same`,
  ),
  refuseEach(
    ({ prometheus }) =>
      prometheus.remoteWrite.filter(
        ({ authentication, username }) => (authentication === 'basic') !== (username !== undefined),
      ),
    ({ name, authentication }) =>
      `prometheus.remoteWrite: ${name} has the authentication ${authentication}; username belongs to basic, and to no other`,
  ),
  refuseEach(
    ({ prometheus }) =>
      prometheus.remoteWrite.filter(
        ({ authentication, region }) => (authentication === 'sigv4') !== (region !== undefined),
      ),
    ({ name, authentication }) =>
      `prometheus.remoteWrite: ${name} has the authentication ${authentication}; region belongs to sigv4, and to no other`,
  ),
  refuseEach(
    (s) => repeated(receivers(s).map(({ name }) => name)),
    (name) => `alertmanager.receivers: ${name} is there twice; names must differ`,
  ),
  refuse(
    (s) => receivers(s).some(({ name }) => name === 'none'),
    () => 'alertmanager.receivers: none is the name of the receiver that drops alerts; choose another',
  ),
  refuseEach(
    (s) => receivers(s).filter(({ cidrs }) => cidrs.length === 0),
    ({ name }) => `alertmanager.receivers: ${name} has no cidrs; nothing may leave the cluster without them`,
  ),
  refuseEach(
    (s) => receivers(s).filter(({ kind, mail }) => (kind === 'email') !== (mail !== undefined)),
    ({ name, kind }) =>
      `alertmanager.receivers: ${name} is of kind ${kind}; mail belongs to kind email, and to no other`,
  ),
  refuseEach(
    (s) => receivers(s).filter(({ kind, channel }) => channel !== undefined && kind !== 'slack'),
    ({ name, kind }) => `alertmanager.receivers: ${name} is of kind ${kind}; channel belongs to kind slack`,
  ),
  refuse(
    ({ tracing }) => tracing.external?.cidrs.length === 0,
    () => 'tracing.external.cidrs: is empty; nothing may leave the cluster without them',
  ),
  refuse(
    ({ tracing: { external } }) => external && portOf(external.endpoint) !== external.port,
    ({ tracing: { external } }) =>
      `tracing.external.port: ${external?.port} is not the port of tracing.external.endpoint ${external?.endpoint}, which is ${portOf(external?.endpoint ?? '')}; give both the same`,
  ),
  refuse(
    ({ tracing }) => tracing.external && !tracing.enabled,
    () => 'tracing.external: is of no use while tracing.enabled is false; remove it, or set enabled',
  ),
  ...(['url', 'prometheusUrl'] as const).map((key) =>
    refuse(
      (s) => isExternal(s) && !s.grafana[key],
      () => `grafana.${key}: is missing; grafana.mode external needs it`,
    ),
  ),
  refuse(
    (s) => isExternal(s) && s.grafana.oidc !== undefined,
    () => 'grafana.oidc: only grafana.mode provisioned uses it; remove it',
  ),
  refuse(
    ({ grafana: { mode, url }, edge }) => mode === 'provisioned' && url && hostOf(url) === edge.host,
    ({ grafana: { url } }) =>
      `grafana.url: ${url} is on the host of the API, edge.host; give Grafana a host of its own`,
  ),
  refuse(
    ({ grafana: { mode, url } }) => mode === 'provisioned' && url && new URL(url).pathname !== '/',
    ({ grafana: { url } }) => `grafana.url: ${url} has a path; our Grafana answers at / of its host`,
  ),
  refuse(
    ({ grafana: { oidc } }) => oidc?.cidrs.length === 0,
    () => 'grafana.oidc.cidrs: is empty; nothing may leave the cluster without them',
  ),
  refuseEach(
    ({ grafana: { oidc } }) =>
      oidc
        ? [oidc.tokenUrl ?? oidc.issuer, oidc.userinfoUrl ?? oidc.issuer].filter(
            (url, index, all) => portOf(url) !== oidc.port && all.indexOf(url) === index,
          )
        : [],
    (url, { grafana: { oidc } }) =>
      `grafana.oidc.port: ${oidc?.port} is not the port of ${url}, which is ${portOf(url)}; give both the same`,
  ),
  refuse(
    ({ grafana: { oidc } }) =>
      oidc && (/\\$|\\'/.test(oidc.adminGroup) || oidc.adminGroup.trim() !== oidc.adminGroup),
    ({ grafana: { oidc } }) =>
      `grafana.oidc.adminGroup: ${oidc?.adminGroup} ends in a backslash, has one before ', or a space at an end, which Grafana cannot compare; rename the group`,
  ),
  ...(['adminGroup', 'clientId'] as const).map((key) =>
    refuse(
      ({ grafana: { oidc } }) => oidc && /\$\{|\$__|%\(/.test(oidc[key]),
      ({ grafana: { oidc } }) =>
        `grafana.oidc.${key}: ${oidc?.[key]} holds \${, $__ or %(, which Grafana would replace; choose another`,
    ),
  ),
];
