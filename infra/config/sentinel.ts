import { createHash } from 'node:crypto';

/**
 * Redis with Sentinel in pods: what each container runs. Names are announced, not addresses, since a pod that comes
 * back has another one. Passwords go from files into configuration files of mode 0600 in memory, never into argv.
 */

/** What the scripts depend on. */
export interface SentinelInput {
  /** The name Sentinel knows the primary by. */
  readonly primaryName: string;
  /** Host names of the servers, the first is the primary of an empty installation. */
  readonly hosts: readonly string[];
  /** Suffix that makes a pod's own host name of its name. */
  readonly domain: string;
  readonly redisPort: number;
  readonly sentinelPort: number;
  readonly quorum: number;
  readonly downAfterMilliseconds: number;
  readonly tlsDirectory: string;
  readonly secretsDirectory: string;
  /** Where Redis keeps its data; Sentinel's state is kept beside it. */
  readonly dataDirectory: string;
  /** Scratch space in memory. */
  readonly runDirectory: string;
}

/** What does not change in sentinel.conf; `sentinel.sh` adds the primary and the passwords. */
export function sentinelConf(input: SentinelInput): string {
  return lines(
    'port 0',
    `tls-port ${input.sentinelPort}`,
    `tls-cert-file ${input.tlsDirectory}/tls.crt`,
    `tls-key-file ${input.tlsDirectory}/tls.key`,
    `tls-ca-cert-file ${input.tlsDirectory}/ca.crt`,
    'tls-auth-clients no',
    'tls-protocols "TLSv1.2 TLSv1.3"',
    'tls-replication yes',
    'logfile ""',
    `aclfile ${input.secretsDirectory}/sentinel.acl`,
    `dir ${input.runDirectory}`,
    'sentinel resolve-hostnames yes',
    'sentinel announce-hostnames yes',
    'sentinel deny-scripts-reconfig yes',
  );
}

/** Shell functions: a pod's own name, its secrets, and a question to another pod's Sentinel, two seconds at most. */
function ask(input: SentinelInput): string[] {
  return [
    `me="$HOSTNAME.${input.domain}"`,
    `secret() { cat "${input.secretsDirectory}/$1"; }`,
    'ask() {',
    `  REDISCLI_AUTH="$(secret sentinel-client-password)" timeout 2 redis-cli --no-auth-warning --tls --cacert ${input.tlsDirectory}/ca.crt --user sentinel \\`,
    `    -h "$1" -p ${input.sentinelPort} sentinel "$2" ${input.primaryName} 2>/dev/null`,
    '}',
  ];
}

/**
 * A shell function that sets `of` to the primary and `epoch` to the election it comes from: what the other Sentinels say, or
 * what this pod's own Sentinel remembers on the data volume, whichever comes from the later election. A pod that was away
 * during a failover remembers an old primary; one of two that start together may be the only one that knows better.
 *
 * While they see the primary down and could replace it, the answer is waited for: a primary that comes back in the midst
 * of a failover must not be taken for one, or clients stay with it until Sentinel turns it into a replica, ten seconds
 * later. So it is when they name this pod itself: it has crashed, and would load its data for longer than a failover takes,
 * which Sentinel takes for an answer. With `wait`, a first answer is waited for, too, unless the installation is empty.
 */
function findPrimary(input: SentinelInput): string[] {
  const { primaryName: name } = input;
  return [
    `state=${input.dataDirectory}/sentinel.conf`,
    `remembered() { sed -n "s/^sentinel $1 ${name} \\([^ ]*\\).*/\\1/p" "$state" 2>/dev/null || true; }`,
    'field() { echo "$answer" | grep -A 1 "^$1\\$" | tail -n 1; }',
    'find_primary() {',
    '  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do',
    '    of="$(remembered monitor)" epoch="$(remembered config-epoch)" answered= unsettled=',
    '    [ -n "$epoch" ] || epoch=0',
    `    for host in ${input.hosts.join(' ')}; do`,
    '      [ "$host" != "$me" ] || continue',
    '      answer="$(ask "$host" master)" || continue',
    '      case "$(field ip)" in *.svc) answered=1;; *) continue;; esac',
    '      its="$(field config-epoch)"',
    '      [ "$its" -ge "$epoch" ] || continue',
    '      [ "$its" -eq "$epoch" ] || unsettled=',
    '      of="$(field ip)" epoch="$its"',
    '      case "$(field num-slaves) $(field flags)" in',
    '        0*) ;;',
    '        *down*|*failover*) unsettled=1;;',
    '        *) [ "$of" != "$me" ] || unsettled=1;;',
    '      esac',
    '    done',
    '    if [ -z "$unsettled" ]; then',
    '      [ -z "$answered" ] && [ -n "$of" ] && [ "$1" = wait ] || break',
    '    fi',
    '    sleep 1',
    '  done',
    `  [ -n "$of" ] || of=${input.hosts[0]}`,
    '}',
  ];
}

/** Starts a Redis server: as the replica of the primary that is known, else of the first host. */
export function redisScript(input: SentinelInput): string {
  return lines(
    '#!/bin/sh',
    'set -eu',
    'umask 077',
    ...ask(input),
    ...findPrimary(input),
    `conf=${input.runDirectory}/redis.conf`,
    `cat /etc/redis/redis.conf > "$conf"`,
    `printf 'replica-announce-ip %s\\nreplica-announce-port ${input.redisPort}\\nmasteruser replication\\nmasterauth %s\\n' "$me" "$(secret replication-password)" >> "$conf"`,
    'find_primary wait',
    `[ "$of" = "$me" ] || echo "replicaof $of ${input.redisPort}" >> "$conf"`,
    'echo "$me starts; the primary is $of"',
    'exec redis-server "$conf"',
  );
}

/** A Sentinel's id: its ordinal, so that the others know it before they have met it. */
const sentinelId = (ordinal: number): string => String(ordinal).padStart(40, '0');

/**
 * Starts a Sentinel. It remembers on the data volume: the primary, the election that made it one, and its votes. The other
 * Sentinels are told to it, so that they bring each other up to date even when they disagree on the primary.
 */
export function sentinelScript(input: SentinelInput): string {
  const { primaryName: name } = input;
  return lines(
    '#!/bin/sh',
    'set -eu',
    'umask 077',
    ...ask(input),
    ...findPrimary(input),
    'find_primary at-once',
    'cat /etc/redis/sentinel.conf > "$state.new"',
    'cat >> "$state.new" <<END',
    `sentinel myid $(printf %040d "\${HOSTNAME##*-}")`,
    'sentinel announce-ip $me',
    `sentinel announce-port ${input.sentinelPort}`,
    'sentinel sentinel-user sentinel',
    'sentinel sentinel-pass $(secret sentinel-client-password)',
    `sentinel monitor ${name} $of ${input.redisPort} ${input.quorum}`,
    `sentinel config-epoch ${name} $epoch`,
    `sentinel auth-user ${name} sentinel`,
    `sentinel auth-pass ${name} $(secret sentinel-password)`,
    `sentinel down-after-milliseconds ${name} ${input.downAfterMilliseconds}`,
    `sentinel failover-timeout ${name} 10000`,
    `sentinel parallel-syncs ${name} 1`,
    `$(sed -n -e '/^sentinel current-epoch /p' -e '/^sentinel leader-epoch ${name} /p' "$state" 2>/dev/null || true)`,
    'END',
    ...input.hosts.map(
      (host, ordinal) =>
        `[ "$me" = ${host} ] || echo sentinel known-sentinel ${name} ${host} ${input.sentinelPort} ${sentinelId(ordinal)} >> "$state.new"`,
    ),
    'mv "$state.new" "$state"',
    'echo "$me watches $of"',
    'exec redis-server "$state" --sentinel',
  );
}

/**
 * Whether a server is ready: a primary that answers, or a replica in sync. An update goes on to the next pod, and a drain may
 * evict one, only then: otherwise the last server with all data could be stopped while another still fetches them. Clients
 * do not notice: names of servers that are not ready are published, too.
 */
export function readyScript(input: SentinelInput): string {
  return lines(
    '#!/bin/sh',
    'set -u',
    `REDISCLI_AUTH="$(cat ${input.secretsDirectory}/probe-password)"`,
    'export REDISCLI_AUTH',
    // PONG master <offset>, or PONG slave <host> <port> <state> <offset>
    `set -- $(printf 'ping\\nrole\\n' | redis-cli --no-auth-warning --tls --cacert ${input.tlsDirectory}/ca.crt --user probe -p ${input.redisPort})`,
    'case "$*" in "PONG master "* | "PONG slave "*" connected "*) exit 0;; esac',
    'exit 1',
  );
}

/**
 * Before a primary stops: writes pause, another takes over, so that a planned stop loses nothing. Then it becomes a replica
 * and drops its clients: Sentinel does so itself, but ten seconds after a failover that was asked for, and clients that missed
 * the news would write in vain to a primary without replicas for as long.
 */
export function stopScript(input: SentinelInput): string {
  return lines(
    '#!/bin/sh',
    'set -u',
    ...ask(input),
    'own() {',
    '  user="$1" && shift',
    `  REDISCLI_AUTH="$(secret "$user-password")" timeout 2 redis-cli --no-auth-warning --tls --cacert ${input.tlsDirectory}/ca.crt --user "$user" -p ${input.redisPort} "$@"`,
    '}',
    'is_primary() { [ "$(own sentinel role | head -n 1)" = master ]; }',
    'is_primary || exit 0',
    'own sentinel client pause 10000 write',
    // A ping to the replicas is part of what they replicate: after one that the next primary did not get, the others
    // would have to fetch all data, and writes to wait for it.
    'own reloader config set repl-ping-replica-period 3600',
    `for host in ${input.hosts.join(' ')}; do`,
    '  [ "$host" != "$me" ] || continue',
    `  [ "$(REDISCLI_AUTH="$(secret reloader-password)" timeout 2 redis-cli --no-auth-warning --tls --cacert ${input.tlsDirectory}/ca.crt --user reloader -h "$host" -p ${input.sentinelPort} sentinel failover ${input.primaryName})" = OK ] && break`,
    'done',
    'end=$(($(date +%s) + 10))',
    'while [ "$(date +%s)" -lt "$end" ] && is_primary; do',
    `  for host in ${input.hosts.join(' ')}; do`,
    '    [ "$host" != "$me" ] || continue',
    '    of="$(ask "$host" get-master-addr-by-name | head -n 1)"',
    '    [ "$of" != "$me" ] || continue',
    '    case "$of" in *.svc)',
    `      own sentinel replicaof "$of" ${input.redisPort}`,
    '      own sentinel client kill type normal',
    '      exit 0',
    '    esac',
    '  done',
    '  sleep 0.2',
    'done',
  );
}

/**
 * users.acl of a Sentinel: one user for the service, the backup and the other Sentinels, one that may ask for a
 * failover when a primary is about to stop, change passwords, and end a Sentinel, and one that only looks.
 * @param passwords the accepted passwords of each; only their SHA-256 is written
 */
export function sentinelAcl(passwords: {
  readonly sentinel: readonly string[];
  readonly reloader: readonly string[];
  readonly exporter: readonly string[];
}): string {
  const hashes = (accepted: readonly string[]) =>
    accepted.map((password) => `#${createHash('sha256').update(password).digest('hex')}`).join(' ');
  const ask = [
    'get-master-addr-by-name',
    'sentinels',
    'slaves',
    'replicas',
    'master',
    'masters',
    'is-master-down-by-addr',
  ];
  const session = '+hello +auth +ping +client|setname +client|id +info +role';
  return lines(
    'user default off',
    `user sentinel on ${hashes(passwords.sentinel)} allchannels -@all ${session} +subscribe +psubscribe +unsubscribe +publish ${ask.map((name) => `+sentinel|${name}`).join(' ')}`,
    `user exporter on ${hashes(passwords.exporter)} resetchannels -@all ${session} ${['masters', 'sentinels', 'slaves', 'ckquorum'].map((name) => `+sentinel|${name}`).join(' ')}`,
    `user reloader on ${hashes(passwords.reloader)} resetchannels -@all +ping +acl|setuser +acl|load +sentinel|failover +sentinel|set +sentinel|config +shutdown`,
  );
}

const lines = (...text: string[]): string => `${text.join('\n')}\n`;
