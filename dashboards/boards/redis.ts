import { constant, div, gt, increase, max, or, rate, sub, sum, time, topk } from '../../slo/query/promql.ts';
import type { Board } from '../model/board.ts';
import { fleet, redis, sentinel } from '../model/scope.ts';

const every = '$__rate_interval';

/** The store: whether it is there, how full it is, what it does, and how safe its data is. */
export const redisBoard: Board = {
  uid: 'simple378-redis',
  title: 'Simple378 Redis',
  purpose: 'Whether the store is there, how full and how busy it is, and how safe its data is.',
  instancesOf: 'redis',
  rows: [
    {
      title: 'State',
      panels: [
        {
          kind: 'stat',
          title: 'Redis up',
          description: 'Servers that answer their exporter.',
          action: '0: follow the runbook RedisDown.',
          span: 6,
          thresholds: [{ from: 1, state: 'ok' }],
          queries: [{ expr: sum(redis.gauge('redis_up')), legend: 'servers' }],
        },
        {
          kind: 'stat',
          title: 'Memory used',
          description: 'Share of maxmemory; at 100 % writes are refused, since nothing is evicted.',
          action: 'Above 75 %: raise maxmemory before it reaches 90 %.',
          span: 6,
          thresholds: [
            { from: 0.75, state: 'warning' },
            { from: 0.9, state: 'critical' },
          ],
          queries: [
            {
              expr: max(
                div(redis.gauge('redis_memory_used_bytes'), gt(redis.gauge('redis_memory_max_bytes'), 0)),
              ),
              legend: 'used',
            },
          ],
        },
        {
          kind: 'stat',
          title: 'Backup age',
          description: 'Time since the newest good copy was taken.',
          action: 'Too old: follow the runbook RedisBackupOld.',
          span: 6,
          unit: 's',
          awaits: 'the backup job has run (never on one machine)',
          queries: [
            {
              expr: sub(time(), max(redis.gauge('redis_key_value', { key: 'backup:v1:last' }))),
              legend: 'age',
            },
          ],
        },
        {
          kind: 'stat',
          title: 'Replicas',
          description: 'Replicas that follow a primary; 0 where a single server runs.',
          action: 'Fewer than configured: follow the runbook RedisReplicationBroken.',
          span: 6,
          queries: [{ expr: sum(redis.gauge('redis_connected_slaves')), legend: 'replicas' }],
        },
        {
          kind: 'stat',
          title: 'Sentinels',
          description:
            'Sentinels that answer, and those of them that see enough others for a failover; 0 where a single server runs.',
          action:
            'Fewer than three: follow the runbook RedisServerMissing; none with a quorum: SentinelQuorumLost.',
          queries: [
            { expr: or(sum(sentinel.gauge('redis_up')), constant(0)), legend: 'answer' },
            {
              expr: or(sum(sentinel.gauge('redis_sentinel_master_ckquorum_status')), constant(0)),
              legend: 'see a quorum',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Append-only file',
          description: '1 while the last write, the last rewrite and the file itself are in order.',
          action: '0: acknowledged data is at risk; follow the runbook RedisAppendOnlyErrors.',
          min: 0,
          max: 1,
          queries: [
            { expr: redis.gauge('redis_aof_enabled'), legend: 'enabled {{instance}}' },
            { expr: redis.gauge('redis_aof_last_write_status'), legend: 'write {{instance}}' },
            { expr: redis.gauge('redis_aof_last_bgrewrite_status'), legend: 'rewrite {{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Connections of the service',
          description: 'Replicas of the service that are connected, by role.',
          action: 'One role missing: its password or ACL. Both: certificate, network or Redis.',
          min: 0,
          queries: [{ expr: sum(fleet.gauge('redis_up'), ['store']), legend: '{{store}}' }],
        },
      ],
    },
    {
      title: 'Memory and keys',
      panels: [
        {
          kind: 'timeseries',
          title: 'Memory',
          description: 'Memory in use and its limit.',
          action:
            'Growth that follows the number of cases is normal; growth with limiter keys ends after their TTL.',
          span: 8,
          min: 0,
          queries: [
            { expr: redis.gauge('redis_memory_used_bytes'), legend: 'used {{instance}}' },
            { expr: redis.gauge('redis_memory_max_bytes'), legend: 'limit {{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Keys',
          description: 'Keys stored.',
          action: 'Limiter keys live for two windows at most; a steady rise is cases or a missing TTL.',
          span: 8,
          min: 0,
          queries: [{ expr: sum(redis.gauge('redis_db_keys'), ['instance']), legend: '{{instance}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Keys expired and evicted',
          description: 'Keys per second that ended at their TTL, and that were thrown away.',
          action: 'Evictions must be 0: follow the runbook RedisEvictsKeys.',
          span: 8,
          min: 0,
          queries: [
            { expr: sum(rate(redis.counter('redis_expired_keys_total'), every)), legend: 'expired' },
            { expr: sum(rate(redis.counter('redis_evicted_keys_total'), every)), legend: 'evicted' },
          ],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          kind: 'timeseries',
          title: 'Commands',
          description: 'The eight most frequent commands, per second.',
          action: 'evalsha is the limiter and the cases’ scripts; scan or keys do not belong here.',
          min: 0,
          queries: [
            {
              expr: topk(8, sum(rate(redis.counter('redis_commands_total'), every), ['cmd'])),
              legend: '{{cmd}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Time per command',
          description: 'Mean time of the five slowest commands.',
          action: 'Redis does one thing at a time: what is slow here delays everything else.',
          min: 0,
          unit: 's',
          queries: [
            {
              expr: topk(
                5,
                div(
                  sum(rate(redis.counter('redis_commands_duration_seconds_total'), every), ['cmd']),
                  gt(sum(rate(redis.counter('redis_commands_total'), every), ['cmd']), 0),
                ),
              ),
              legend: '{{cmd}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Connected clients',
          description: 'Connections and their limit.',
          action: 'Near the limit: count replicas times connections, or look for a leak.',
          span: 8,
          min: 0,
          queries: [
            { expr: redis.gauge('redis_connected_clients'), legend: 'clients {{instance}}' },
            { expr: redis.gauge('redis_config_maxclients'), legend: 'limit {{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Refused',
          description: 'Connections refused at the limit, and calls refused for lack of rights or memory.',
          action: 'Refused calls after a deployment: a command that the ACL does not grant.',
          span: 8,
          min: 0,
          queries: [
            {
              expr: sum(increase(redis.counter('redis_rejected_connections_total'), every)),
              legend: 'connections',
            },
            {
              expr: sum(increase(redis.counter('redis_commands_rejected_calls_total'), every)),
              legend: 'calls',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Network',
          description: 'Bytes per second in and out.',
          action: 'A peak without more requests is an export, a backup or a replica that starts over.',
          span: 8,
          min: 0,
          queries: [
            { expr: sum(rate(redis.counter('redis_net_input_bytes_total'), every)), legend: 'in' },
            { expr: sum(rate(redis.counter('redis_net_output_bytes_total'), every)), legend: 'out' },
          ],
        },
      ],
    },
  ],
};
