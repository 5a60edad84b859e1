import { alertmanager } from './components/alertmanager.ts';
import { backup } from './components/backup.ts';
import { caseService } from './components/case-service.ts';
import { edge } from './components/edge.ts';
import { grafana } from './components/grafana.ts';
import type { Part } from './components/manifest.ts';
import { namespace } from './components/namespace.ts';
import { network } from './components/network.ts';
import { prometheus } from './components/prometheus.ts';
import { quotas } from './components/quotas.ts';
import { redis } from './components/redis.ts';
import { tracing } from './components/tracing.ts';
import type { Settings } from './settings/index.ts';

/** The architecture: what an environment consists of, as plain data, in the order in which it is made. */
export function stack(settings: Settings): Part[] {
  const own = settings.redis.mode !== 'external';
  const workloads = [
    ...(own ? [redis(settings)] : []),
    ...(own && settings.redis.backup.enabled ? [backup(settings)] : []),
    caseService(settings),
    ...(settings.tracing.enabled ? [tracing(settings)] : []),
    prometheus(settings),
    alertmanager(settings),
    ...(settings.grafana.mode === 'provisioned' ? [grafana(settings)] : []),
    edge(settings),
  ];
  return [namespace(settings), quotas(settings, workloads), network(settings), ...workloads];
}
