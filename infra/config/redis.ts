import { createHash } from 'node:crypto';

/** What differs from one Redis to another. */
export interface RedisConfInput {
  readonly port: number;
  /** An address to listen on; all of them when absent. */
  readonly bind?: string;
  /** Folder with `tls.crt`, `tls.key` and `ca.crt`. */
  readonly tlsDirectory: string;
  readonly aclFile: string;
  readonly dataDirectory: string;
  readonly maxmemoryMegabytes: number;
  readonly maxclients: number;
  /** With replicas: a primary that lost them all stops taking writes, so that a failover loses little. */
  readonly sentinel: boolean;
}

/** redis.conf: TLS only, ACL users only, append-only file, and no eviction: a limit or a case must never just vanish. */
export function redisConf(input: RedisConfInput): string {
  const { tlsDirectory } = input;
  return lines([
    'port 0',
    `tls-port ${input.port}`,
    ...(input.bind === undefined ? [] : [`bind ${input.bind}`]),
    `tls-cert-file ${quote(`${tlsDirectory}/tls.crt`)}`,
    `tls-key-file ${quote(`${tlsDirectory}/tls.key`)}`,
    `tls-ca-cert-file ${quote(`${tlsDirectory}/ca.crt`)}`,
    'tls-auth-clients no',
    'tls-replication yes',
    'tls-protocols "TLSv1.2 TLSv1.3"',
    `aclfile ${quote(input.aclFile)}`,
    `dir ${quote(input.dataDirectory)}`,
    'appendonly yes',
    // Acknowledged means written; a crash of the machine loses at most the last second.
    'appendfsync everysec',
    'save ""',
    `maxmemory ${input.maxmemoryMegabytes}mb`,
    'maxmemory-policy noeviction',
    `maxclients ${input.maxclients}`,
    'timeout 0',
    'tcp-keepalive 60',
    // Refuses other addresses only while the default user is on and without a password, as before the ACL is there.
    'protected-mode yes',
    ...(input.sentinel
      ? [
          'min-replicas-to-write 1',
          'min-replicas-max-lag 10',
          // After a failover a primary takes no writes before a replica has its data: five seconds sooner than by default.
          'repl-diskless-sync-delay 0',
        ]
      : []),
  ]);
}

const connection = '+hello +auth +ping +client|setname +client|id +info';
const cluster = '+cluster|slots +cluster|shards +cluster|info +readonly';
const scripts = '+eval +evalsha +script|load +time';

/** The least that each user needs; what the service's own modules say that they call. `default` is off. */
const rights = {
  'case-data':
    `~cs:v1:* ${connection} ${cluster} ${scripts} +get +set +del +exists +expire +pexpire +incrby ` +
    '+hget +hgetall +hmget +hset +hincrby +hstrlen +zadd +zcard +zrem +zscore +zrange +zrangebylex +zrevrangebylex +zrangebyscore ' +
    '+zremrangebyscore +zrevrange +pfadd +pfcount +scan',
  'case-limiter': `~rl:v1:* ${connection} ${cluster} ${scripts} +mget +getrange +setrange +set +pexpire +del`,
  exporter:
    `~backup:v1:* ${connection} +config|get +client|list +slowlog +latency +select +dbsize +get +type +strlen +memory|usage ` +
    '+exists +pttl +scan +cluster|info',
  backup: `~backup:v1:* ${connection} +sync +psync +replconf +set +config|get`,
  replication: '+psync +replconf +ping',
  sentinel:
    'allchannels +multi +slaveof +replicaof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname ' +
    '+client|kill +client|pause +script|kill',
  probe: '+ping +role',
  reloader: '+ping +acl|setuser +acl|load +config|set',
} as const;

/** An ACL user. */
export type RedisUser = keyof typeof rights;

/** All ACL users. */
export const redisUsers = Object.keys(rights) as RedisUser[];

/**
 * users.acl.
 * @param passwords the accepted passwords of each user; two during a rotation. Only their SHA-256 is written
 */
export function aclFile(passwords: Readonly<Partial<Record<RedisUser, readonly string[]>>>): string {
  const users = Object.entries(passwords).map(([user, accepted]) => {
    const hashes = accepted
      .map((password) => `#${createHash('sha256').update(password).digest('hex')}`)
      .join(' ');
    return `user ${user} on ${hashes} resetchannels -@all ${rights[user as RedisUser]}`;
  });
  // Off: nobody can log in as it. All rights all the same: the append-only file is replayed as this user, and what scripts
  // and transactions had written (MULTI … EXEC in the file) would be refused, and so be lost, at every restart.
  return lines(['user default off ~* &* +@all', ...users]);
}

/** Paths may contain spaces. */
const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
