import { and, div, gt, increase, lt, max, min, or, over, sub, sum, time } from '../promql.ts';
import { app, redis, target } from '../selectors.ts';
import type { Alert } from './alert.ts';

const used = div(redis.gauge('redis_memory_used_bytes'), gt(redis.gauge('redis_memory_max_bytes'), 0));
const memory = (usedMegabytes: number) => ({
  'redis_memory_used_bytes{job="redis"}': `${usedMegabytes}x60`,
  'redis_memory_max_bytes{job="redis"}': '100x60',
});

/** Redis, the only store: what ends its service, and what comes before. @param backupHours age of the newest copy */
export const redisAlerts = (backupHours: number): readonly Alert[] => [
  {
    name: 'RedisDown',
    severity: 'critical',
    for: '1m',
    expr: lt(or(redis.gauge('redis_up'), target.gauge('up', { job: 'redis' })), 1),
    summary: 'Redis does not answer its exporter',
    description: 'Cases cannot be read or written (503); limits are enforced by each replica alone.',
    panel: { dashboard: 'redis', title: 'Redis up' },
    proof: {
      fires: { 'redis_up{job="redis"}': '1x3 0x10' },
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
    name: 'RedisReplicationBroken',
    severity: 'critical',
    for: '2m',
    expr: or(
      lt(redis.gauge('redis_master_link_up'), 1),
      // A primary that had replicas within the last day and has none.
      and(
        lt(redis.gauge('redis_connected_slaves'), 1),
        gt(over('max', redis.gauge('redis_connected_slaves'), '1d'), 0),
      ),
    ),
    summary: 'A Redis replica does not follow its primary',
    description: 'A failover now would lose what was written since, or has no replica to go to.',
    panel: { dashboard: 'redis', title: 'Replicas' },
    proof: {
      fires: { 'redis_connected_slaves{job="redis"}': '2x5 0x20' },
      silent: [
        { 'redis_connected_slaves{job="redis"}': '0x25', 'redis_master_link_up{job="redis"}': '1x25' },
        { 'redis_connected_slaves{job="redis"}': '2x13 0x10' },
      ],
      at: '15m',
    },
  },
  {
    name: 'RedisBackupOld',
    severity: 'warning',
    for: '5m',
    expr: gt(
      sub(time(), max(redis.gauge('redis_key_value', { key: 'backup:v1:last' }))),
      backupHours * 3_600,
    ),
    summary: 'The newest good copy of Redis is too old',
    description: `The newest copy was taken {{ $value | humanizeDuration }} ago; at most ${backupHours} h are allowed.`,
    panel: { dashboard: 'redis', title: 'Backup age' },
    proof: {
      fires: { 'redis_key_value{job="redis",db="db0",key="backup:v1:last"}': `0x${backupHours * 60 + 30}` },
      // Twenty minutes over the limit after the start, and taken 25 minutes after it.
      silent: [
        { 'redis_key_value{job="redis",db="db0",key="backup:v1:last"}': `1500x${backupHours * 60 + 30}` },
      ],
      at: `${backupHours * 60 + 20}m`,
    },
  },
  {
    name: 'RedisAppendOnlyErrors',
    severity: 'critical',
    for: '1m',
    expr: or(
      lt(redis.gauge('redis_aof_last_write_status'), 1),
      lt(redis.gauge('redis_aof_last_bgrewrite_status'), 1),
    ),
    summary: 'Redis cannot write its append-only file',
    description: 'What is acknowledged now may be lost when Redis restarts; usually its disk is full.',
    panel: { dashboard: 'redis', title: 'Append-only file' },
    proof: {
      fires: {
        'redis_aof_last_write_status{job="redis"}': '1x25',
        'redis_aof_last_bgrewrite_status{job="redis"}': '1x5 0x20',
      },
      silent: [
        {
          'redis_aof_last_write_status{job="redis"}': '1x14 0x10',
          'redis_aof_last_bgrewrite_status{job="redis"}': '1x25',
        },
      ],
      at: '15m',
    },
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
        'redis_up{job="redis"}': '1x20',
      },
      silent: [
        {
          'redis_up{job="case-service",store="data",instance="a"}': '0x20',
          'redis_up{job="redis"}': '0x20',
        },
        {
          'redis_up{job="case-service",store="data",instance="a"}': '1x13 0x10',
          'redis_up{job="redis"}': '1x25',
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
