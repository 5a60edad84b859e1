import { absent, and, count, div, eq, gt, increase, lt, max, min, or, sum, unless } from '../query/promql.ts';
import { app, redis, target } from '../query/selectors.ts';
import type { Alert } from './alert.ts';

const used = div(redis.gauge('redis_memory_used_bytes'), gt(redis.gauge('redis_memory_max_bytes'), 0));
const up = target.gauge('up', { job: 'redis' });
/** Servers that their exporter reaches; after a failed scrape the last answer counts for nothing. */
export const answering = unless(eq(redis.gauge('redis_up'), 1), lt(up, 1), ['environment', 'instance']);
/** The answering servers of a role. */
export const inRole = (role?: 'master' | 'slave') =>
  and(redis.gauge('redis_instance_info', role ? { role } : {}), answering, ['environment', 'instance']);
const ofService = app.gauge('redis_up');

/** Nobody can read or write: of one server that it is gone, of several that none of them is the primary. */
function noPrimary(servers: number) {
  if (servers === 0) return lt(max(ofService, ['environment', 'store']), 1);
  const none = or(
    or(lt(sum(redis.gauge('redis_up'), ['environment']), 1), lt(sum(up, ['environment']), 1)),
    absent(up),
  );
  if (servers === 1) return none;
  return or(none, unless(count(inRole(), ['environment']), count(inRole('master'), ['environment'])));
}

const memory = (usedMegabytes: number) => ({
  'redis_memory_used_bytes{job="redis"}': `${usedMegabytes}x60`,
  'redis_memory_max_bytes{job="redis"}': '100x60',
});
const role = (instance: string, name: 'master' | 'slave') =>
  `redis_instance_info{job="redis",instance="${instance}",role="${name}"}`;
const server = (instance: string, values: string) => ({
  [`redis_up{job="redis",instance="${instance}"}`]: values,
  [`up{job="redis",instance="${instance}"}`]: values.replaceAll('0', '1'),
});

/** Redis, the only store: what ends its service, and what comes before. @param servers how many of them this stack runs */
export const redisAlerts = (servers: number): readonly Alert[] => [
  {
    name: 'RedisDown',
    severity: 'critical',
    for: '1m',
    expr: noPrimary(servers),
    summary: 'No Redis server answers that could serve as primary',
    description: 'Cases cannot be read or written (503); limits are enforced by each replica alone.',
    panel: { dashboard: 'redis', title: 'Redis up' },
    proof: {
      fires: [
        { 'redis_up{job="redis"}': '1x3 0x10', 'up{job="redis"}': '1x13' },
        { 'redis_up{job="redis"}': '1x3 stale', 'up{job="redis"}': '1x3 stale' },
        // The primary is gone and neither of the two others takes over.
        {
          ...server('a', '1x3 0x10'),
          ...server('b', '1x13'),
          [role('a', 'master')]: '1x3 stale',
          [role('b', 'slave')]: '1x13',
        },
      ],
      silent: [
        { 'redis_up{job="redis"}': '1x9 0x4', 'up{job="redis"}': '1x13' },
        // One server is lost, and the other is the primary.
        {
          ...server('a', '1x3 0x10'),
          ...server('b', '1x13'),
          [role('a', 'master')]: '1x3 stale',
          [role('b', 'slave')]: '1x3 stale',
          [role('b', 'master')]: '_x4 1x10',
        },
      ],
      at: '10m',
    },
  },
  {
    name: 'RedisMemoryHigh',
    severity: 'warning',
    for: '10m',
    expr: gt(used, 0.75),
    summary: 'Redis uses more than three quarters of its memory',
    description: '{{ $value | humanizePercentage }} of maxmemory is used. At 100 % every write is refused.',
    panel: { dashboard: 'redis', title: 'Memory used' },
    proof: { fires: memory(80), silent: [memory(74)], at: '15m' },
  },
  {
    name: 'RedisMemoryNearlyFull',
    severity: 'critical',
    perServer: 'replicas hold the data of the primary, so that any of them shows its use of memory',
    for: '2m',
    expr: gt(used, 0.9),
    summary: 'Redis is about to refuse writes',
    description:
      '{{ $value | humanizePercentage }} of maxmemory is used and nothing is evicted: writes fail at 100 %.',
    panel: { dashboard: 'redis', title: 'Memory used' },
    proof: { fires: memory(95), silent: [memory(89)], at: '15m' },
  },
  {
    name: 'RedisRefusesClients',
    severity: 'critical',
    for: '2m',
    expr: and(
      lt(max(ofService, ['environment', 'store']), 1),
      gt(max(redis.gauge('redis_up'), ['environment']), 0),
      ['environment'],
    ),
    summary: 'Redis runs, and does not let the service in',
    description:
      'The `{{ $labels.store }}` connection of all replicas fails while the exporter connects: certificate, password or ACL.',
    panel: { dashboard: 'redis', title: 'Connections of the service' },
    proof: {
      fires: {
        'redis_up{job="case-service",store="data",instance="a"}': '0x20',
        'redis_up{job="redis",instance="b"}': '1x20',
      },
      silent: [
        {
          'redis_up{job="case-service",store="data",instance="a"}': '0x20',
          'redis_up{job="case-service",store="data",instance="c"}': '1x20',
          'redis_up{job="redis",instance="b"}': '1x20',
        },
        {
          'redis_up{job="case-service",store="data",instance="a"}': '1x13 0x10',
          'redis_up{job="redis",instance="b"}': '1x25',
        },
      ],
      at: '15m',
    },
  },
  {
    name: 'RedisRefusesClients',
    severity: 'warning',
    for: '5m',
    expr: lt(min(ofService, ['environment', 'instance']), 1),
    summary: 'A replica of the service does not reach Redis',
    description:
      '{{ $labels.instance }} answers 503 to requests for cases; other replicas may still serve them.',
    panel: { dashboard: 'redis', title: 'Connections of the service' },
    proof: {
      fires: {
        'redis_up{job="case-service",store="data",instance="a"}': '0x20',
        'redis_up{job="case-service",store="data",instance="c"}': '1x20',
      },
      silent: [{ 'redis_up{job="case-service",store="data",instance="a"}': '1x11 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'RedisConnectionsNearLimit',
    severity: 'warning',
    for: '5m',
    expr: gt(div(redis.gauge('redis_connected_clients'), redis.gauge('redis_config_maxclients')), 0.8),
    summary: 'Redis is close to its limit of connections',
    description:
      '{{ $value | humanizePercentage }} of maxclients are connected; beyond it new replicas fail.',
    panel: { dashboard: 'redis', title: 'Connected clients' },
    proof: {
      fires: {
        'redis_connected_clients{job="redis"}': '90x20',
        'redis_config_maxclients{job="redis"}': '100x20',
      },
      silent: [
        {
          'redis_connected_clients{job="redis"}': '79x20',
          'redis_config_maxclients{job="redis"}': '100x20',
        },
      ],
      at: '15m',
    },
  },
  {
    name: 'RedisEvictsKeys',
    severity: 'critical',
    for: '0m',
    keepFiring: false,
    expr: gt(sum(increase(redis.counter('redis_evicted_keys_total'), '10m'), ['environment']), 0),
    summary: 'Redis throws keys away',
    description: '{{ $value | humanize }} keys were evicted in ten minutes: cases or limits are being lost.',
    panel: { dashboard: 'redis', title: 'Keys expired and evicted' },
    proof: {
      fires: { 'redis_evicted_keys_total{job="redis"}': '0x5 1+1x20' },
      silent: [{ 'redis_evicted_keys_total{job="redis"}': '7x3 8x30' }],
      at: '15m',
    },
  },
];
