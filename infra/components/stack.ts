import type { Component } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import { limitGatewayOf } from '../settings/limit-gateway.ts';
import { alertmanager } from './alertmanager.ts';
import { backup } from './backup.ts';
import { caseService } from './case-service.ts';
import { edge } from './edge.ts';
import { grafana } from './grafana.ts';
import { limitGateway } from './limit-gateway.ts';
import { namespace } from './namespace.ts';
import { network } from './network.ts';
import { prometheus } from './prometheus.ts';
import { quotas } from './quotas.ts';
import { redis } from './redis.ts';
import { redisExporter } from './redis-exporter.ts';
import { tracing } from './tracing.ts';
import { transformOf } from './transform.ts';

/** The architecture: what an environment consists of, as plain data, in the order in which it is made. */
export function stack(settings: Settings): Component[] {
  const transform = transformOf(settings.transform);
  const apply = ({ manifests, ...component }: Component): Component => ({
    ...component,
    manifests: manifests.map((manifest) => transform(manifest, settings)),
  });
  const own = settings.redis.mode !== 'external';
  const gateway = limitGatewayOf(settings);
  const workloads: Component[] = [
    ...(own ? [redis(settings)] : []),
    ...(own && settings.redis.backup.enabled ? [backup(settings)] : []),
    caseService(settings),
    ...(gateway ? [limitGateway(settings, gateway)] : []),
    ...(settings.redis.external?.exporter && !own ? [redisExporter(settings)] : []),
    ...(settings.tracing.enabled ? [tracing(settings)] : []),
    prometheus(settings),
    alertmanager(settings),
    ...(settings.grafana.mode === 'provisioned' ? [grafana(settings)] : []),
    edge(settings),
  ].map(apply);
  return [...[namespace(settings), quotas(settings, workloads), network(settings)].map(apply), ...workloads];
}
