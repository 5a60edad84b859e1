import { absent, and, gt, lt, max, or, over, sub, sum, time } from '../promql.ts';
import { redis, sentinel } from '../selectors.ts';
import type { Alert, Series } from './alert.ts';

/**
 * How safe the data of Redis are, and whether another server could take over.
 * @param servers how many of them we run, and, when more than one, Sentinels
 * @param backupHours age of the newest copy that is too old; null where no copies are made
 */
export const redisSafetyAlerts = (servers: number, backupHours: number | null): readonly Alert[] => [
  ...kept,
  ...(servers > 1 ? failover(servers) : []),
  ...(backupHours === null ? [] : copies(backupHours)),
];

const kept: readonly Alert[] = [
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
];

const failover = (servers: number): readonly Alert[] => [
  {
    name: 'RedisServerMissing',
    severity: 'warning',
    for: '5m',
    expr: or(
      lt(sum(redis.gauge('redis_up'), ['environment']), servers),
      lt(sum(sentinel.gauge('redis_up'), ['environment']), servers),
    ),
    summary: 'A Redis server or a Sentinel does not answer',
    description: `Only {{ $value }} of ${servers} answer. With one more gone, no other server can take over.`,
    panel: { dashboard: 'redis', title: 'Sentinels' },
    proof: {
      fires: [
        { ...three('redis', '1x20', '1x3 stale'), ...three('sentinel', '1x20', '1x20') },
        { ...three('redis', '1x20', '1x20'), ...three('sentinel', '1x20', '1x3 0x16') },
      ],
      silent: [{ ...three('redis', '1x20', '1x11 0x8'), ...three('sentinel', '1x20', '1x20') }],
      at: '15m',
    },
  },
  {
    name: 'SentinelQuorumLost',
    severity: 'critical',
    for: '2m',
    expr: or(
      lt(max(sentinel.gauge('redis_sentinel_master_ckquorum_status')), 1),
      absent(sentinel.gauge('redis_sentinel_master_ckquorum_status')),
    ),
    summary: 'No failover of Redis is possible: the Sentinels have no majority',
    description: 'Users notice nothing yet. Should the primary stop now, no other server takes over.',
    panel: { dashboard: 'redis', title: 'Sentinels' },
    proof: {
      fires: [{ [quorum]: '1x5 0x20' }, { [quorum]: '1x5 stale' }],
      silent: [{ [quorum]: '1x13 0x10' }],
      at: '15m',
    },
  },
];

const quorum = 'redis_sentinel_master_ckquorum_status{job="sentinel",master_name="simple378"}';
/** Two servers or Sentinels that answer like the first series, and one like the second. */
const three = (job: string, two: string, one: string): Series => ({
  [`redis_up{job="${job}",instance="a"}`]: two,
  [`redis_up{job="${job}",instance="b"}`]: two,
  [`redis_up{job="${job}",instance="c"}`]: one,
});

const lastCopy = redis.gauge('redis_key_value', { key: 'backup:v1:last' });
const lastCopySeries = 'redis_key_value{job="redis",db="db0",key="backup:v1:last"}';

const copies = (backupHours: number): readonly Alert[] => [
  {
    name: 'RedisBackupOld',
    severity: 'warning',
    for: '5m',
    expr: gt(sub(time(), max(lastCopy)), backupHours * 3_600),
    summary: 'The newest good copy of Redis is too old',
    description: `The newest copy was taken {{ $value | humanizeDuration }} ago; at most ${backupHours} h are allowed.`,
    panel: { dashboard: 'redis', title: 'Backup age' },
    proof: {
      fires: { [lastCopySeries]: `0x${backupHours * 60 + 30}` },
      // Twenty minutes over the limit after the start, and taken 25 minutes after it.
      silent: [{ [lastCopySeries]: `1500x${backupHours * 60 + 30}` }],
      at: `${backupHours * 60 + 20}m`,
    },
  },
  {
    name: 'RedisBackupMissing',
    severity: 'warning',
    for: `${backupHours}h`,
    expr: absent(lastCopy),
    summary: 'No good copy of Redis was ever taken',
    description: `For ${backupHours} h Redis has not known of a copy: the job has not succeeded once.`,
    panel: { dashboard: 'redis', title: 'Backup age' },
    proof: {
      fires: { 'up{job="redis"}': `1x${backupHours * 60 + 30}` },
      // Known for half an hour, and gone for ten minutes less than the limit.
      silent: [{ [lastCopySeries]: '1x29 stale' }],
      at: `${backupHours * 60 + 20}m`,
    },
  },
];
