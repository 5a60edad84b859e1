import { absent, and, gt, lt, max, or, sub, sum, time, unless } from '../query/promql.ts';
import { redis, sentinel } from '../query/selectors.ts';
import type { Alert, Series } from './alert.ts';
import { answering, inRole } from './redis.ts';

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

const broken = or(
  lt(redis.gauge('redis_aof_last_write_status'), 1),
  lt(redis.gauge('redis_aof_last_bgrewrite_status'), 1),
);
const kept: readonly Alert[] = [
  {
    name: 'RedisAppendOnlyErrors',
    severity: 'critical',
    perServer: 'the primary alone; a replica is left out by its role',
    for: '1m',
    expr: unless(broken, redis.gauge('redis_instance_info', { role: 'slave' }), ['environment', 'instance']),
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
        {
          'redis_aof_last_write_status{job="redis",instance="a"}': '0x25',
          'redis_instance_info{job="redis",instance="a",role="slave"}': '1x25',
        },
      ],
      at: '15m',
    },
  },
];

const slavesOfPrimary = max(
  and(redis.gauge('redis_connected_slaves'), inRole('master'), ['environment', 'instance']),
  ['environment'],
);
const primary = (slaves: string) => ({
  'redis_up{job="redis",instance="a"}': '1x25',
  'redis_instance_info{job="redis",instance="a",role="master"}': '1x25',
  'redis_connected_slaves{job="redis",instance="a"}': slaves,
});

const failover = (servers: number): readonly Alert[] => [
  {
    name: 'RedisReplicationBroken',
    severity: 'critical',
    for: '2m',
    expr: lt(slavesOfPrimary, 1),
    summary: 'No replica follows the Redis primary',
    description: 'The primary refuses writes without a replica, and a failover has no server to go to.',
    panel: { dashboard: 'redis', title: 'Replicas' },
    proof: {
      fires: primary('2x5 0x20'),
      silent: [
        primary('2x5 1x20'),
        primary('2x13 0x10'),
        // It was the primary until a failover.
        {
          ...primary('2x25'),
          'redis_up{job="redis",instance="b"}': '1x25',
          'redis_instance_info{job="redis",instance="b",role="slave"}': '1x25',
          'redis_connected_slaves{job="redis",instance="b"}': '2x5 0x20',
        },
      ],
      at: '15m',
    },
  },
  {
    name: 'RedisReplicaUnhealthy',
    severity: 'warning',
    for: '5m',
    expr: or(
      or(
        lt(redis.gauge('redis_master_link_up'), 1),
        and(broken, redis.gauge('redis_instance_info', { role: 'slave' }), ['environment', 'instance']),
      ),
      lt(slavesOfPrimary, servers - 1),
    ),
    summary: 'A Redis replica does not follow its primary, or cannot write its file',
    description: 'The primary and the other replicas are not affected; a second loss would be.',
    panel: { dashboard: 'redis', title: 'Replicas' },
    proof: {
      fires: [
        primary('1x25'),
        { 'redis_master_link_up{job="redis",instance="b"}': '1x5 0x20' },
        {
          'redis_aof_last_write_status{job="redis",instance="b"}': '0x25',
          'redis_instance_info{job="redis",instance="b",role="slave"}': '1x25',
        },
      ],
      silent: [primary('2x11 1x20'), { 'redis_master_link_up{job="redis",instance="b"}': '1x11 0x20' }],
      at: '15m',
    },
  },
  {
    name: 'RedisServerMissing',
    severity: 'warning',
    for: '5m',
    expr: or(
      lt(sum(answering, ['environment']), servers),
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
      lt(max(sentinel.gauge('redis_sentinel_master_ckquorum_status'), ['environment']), 1),
      lt(sum(sentinel.gauge('redis_up'), ['environment']), Math.floor(servers / 2) + 1),
    ),
    summary: 'No failover of Redis is possible: the Sentinels have no majority',
    description: 'Users notice nothing yet. Should the primary stop now, no other server takes over.',
    panel: { dashboard: 'redis', title: 'Sentinels' },
    proof: {
      fires: [{ [quorum]: '1x5 0x20' }, three('sentinel', '1x5 0x20', '1x25')],
      silent: [{ [quorum]: '1x13 0x10' }, three('sentinel', '1x25', '1x5 0x20')],
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
