import { catalogue } from '../../contract/metrics.ts';
import {
  alertmanagerSelf,
  collector as collectorSelf,
  prometheusSelf,
  redisExporter,
  sentinelExporter,
  targets,
  traefik,
} from '../../slo/query/external.ts';
import { recorded } from '../../slo/query/recorded.ts';
import { selectors } from '../../slo/query/selectors.ts';

/** The catalogues' metrics as panels query them: of the chosen environment, and of the chosen instances. */

const environment = '$environment';
const instance = { variable: 'instance' };

/** The case service, chosen replicas. */
export const service = selectors(catalogue, { job: 'case-service', environment, instance });
/** The case service, all replicas: for what only the fleet has. */
export const fleet = selectors(catalogue, { job: 'case-service', environment });
/** Redis, chosen servers. */
export const redis = selectors(redisExporter, { job: 'redis', environment, instance });
/** Sentinels, beside the chosen servers. */
export const sentinel = selectors(sentinelExporter, { job: 'sentinel', environment, instance });
/** The edge, where this stack runs it. */
export const edge = selectors(traefik, { job: 'traefik', environment });
/** The collector of traces. */
export const collector = selectors(collectorSelf, { job: 'otel-collector', environment });
/** Prometheus. */
export const prometheus = selectors(prometheusSelf, { job: 'prometheus', environment });
/** Alertmanager. */
export const alertmanager = selectors(alertmanagerSelf, { job: 'alertmanager', environment });
/** Targets of all jobs. */
export const target = selectors(targets, { environment });
/** What the rules record. */
export const record = selectors(recorded, { environment });
