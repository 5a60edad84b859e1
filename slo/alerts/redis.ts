import { absent, and, div, gt, increase, lt, max, min, or, sum } from '../promql.ts';
import { app, redis, target } from '../selectors.ts';
import type { Alert } from './alert.ts';

const used = div(redis.gauge('redis_memory_used_bytes'), gt(redis.gauge('redis_memory_max_bytes'), 0));
const down = lt(or(redis.gauge('redis_up'), target.gauge('up', { job: 'redis' })), 1);
const memory = (usedMegabytes: number) => ({
  'redis_memory_used_bytes{job="redis"}': `${usedMegabytes}x60`,
  'redis_memory_max_bytes{job="redis"}': '100x60',
});

/** Redis, the only store: what ends its service, and what comes before. @param servers how many of them we run */
export const redisAlerts = (servers: number): readonly Alert[] => [
  {
    name: 'RedisDown',
    severity: 'critical',
    for: '1m',
    // A pod without an address is no target at all: then there is nothing to be 0.
    expr: servers === 0 ? down : or(down, absent(target.gauge('up', { job: 'redis' }))),
    summary: 'Redis does not answer its exporter',
    description: 'Cases cannot be read or written (503); limits are enforced by each replica alone.',
    panel: { dashboard: 'redis', title: 'Redis up' },
    proof: {
      fires: [
        { 'redis_up{job="redis"}': '1x3 0x10', 'up{job="redis"}': '1x13' },
        { 'redis_up{job="redis"}': '1x3 stale', 'up{job="redis"}': '1x3 stale' },
      ],
      silent: [{ 'redis_up{job="redis"}': '1x9 0x4', 'up{job="redis"}': '1x13' }],
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
      lt(min(app.gauge('redis_up'), ['environment', 'store']), 1),
      gt(max(redis.gauge('redis_up'), ['environment']), 0),
      ['environment'],
    ),
    summary: 'Redis runs, and does not let the service in',
    description:
      'The `{{ $labels.store }}` connection of a replica fails while the exporter connects: certificate, password or ACL.',
    panel: { dashboard: 'redis', title: 'Connections of the service' },
    proof: {
      fires: {
        'redis_up{job="case-service",store="data",instance="a"}': '0x20',
        'redis_up{job="redis",instance="b"}': '1x20',
      },
      silent: [
        {
          'redis_up{job="case-service",store="data",instance="a"}': '0x20',
          'redis_up{job="redis",instance="b"}': '0x20',
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
