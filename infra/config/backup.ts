/** What the backup job runs, and what a restore does with a copy. Shell, since the Redis image has nothing else. */

/** What the scripts depend on. */
export interface BackupInput {
  /** Hosts to copy from; with `sentinelPort`, these are asked who the primary is. */
  readonly hosts: readonly string[];
  readonly redisPort: number;
  readonly sentinelPort?: number;
  readonly primaryName: string;
  readonly tlsDirectory: string;
  readonly secretsDirectory: string;
  readonly backupDirectory: string;
  readonly keep: number;
}

/** Key whose value is the time of the newest good copy in epoch seconds; the exporter shows it as a metric. */
export const lastBackupKey = 'backup:v1:last';

/** redis-check-rdb is redis-server by another name; an image may have it only by that one. */
const checkRdb = [
  'check() {',
  '  if command -v redis-check-rdb >/dev/null; then redis-check-rdb "$1"; return; fi',
  '  ln -sf "$(command -v redis-server)" /tmp/redis-check-rdb && /tmp/redis-check-rdb "$1"',
  '}',
];

/** Takes an RDB file over TLS, checks it, keeps the newest, and notes the time. Fails as a whole or not at all. */
export function backupScript(input: BackupInput): string {
  const { backupDirectory: dir, tlsDirectory: tls } = input;
  return [
    '#!/bin/sh',
    'set -eu',
    'umask 077',
    ...checkRdb,
    `cli() { redis-cli --no-auth-warning --tls --cacert ${tls}/ca.crt "$@"; }`,
    `host=${input.hosts[0]}`,
    ...(input.sentinelPort === undefined
      ? []
      : [
          `for sentinel in ${input.hosts.join(' ')}; do`,
          `  answer="$(REDISCLI_AUTH="$(cat ${input.secretsDirectory}/sentinel-client-password)" cli --user sentinel -h "$sentinel" -p ${input.sentinelPort} sentinel get-master-addr-by-name ${input.primaryName} 2>/dev/null | head -n 1)" || continue`,
          '  case "$answer" in *.svc) host="$answer"; break;; esac',
          'done',
        ]),
    `REDISCLI_AUTH="$(cat ${input.secretsDirectory}/backup-password)"`,
    'export REDISCLI_AUTH',
    `file="${dir}/$(date -u +%Y%m%dT%H%M%SZ).rdb"`,
    `cli --user backup -h "$host" -p ${input.redisPort} --rdb "$file.part"`,
    'check "$file.part"',
    'mv "$file.part" "$file"',
    `ls -1 ${dir}/*.rdb | sort -r | sed '1,${input.keep}d' | while read -r old; do rm -f "$old"; done`,
    `rm -f ${dir}/*.part`,
    `[ "$(cli --user backup -h "$host" -p ${input.redisPort} set ${lastBackupKey} "$(date +%s)")" = OK ]`,
    'echo "copied $host to $file"',
    '',
  ].join('\n');
}

/**
 * Puts a copy in place of a stopped server's data: the append-only file's base may be an RDB file, and what was there
 * before is kept under another name.
 */
export function restoreScript(input: {
  readonly dataDirectory: string;
  readonly backupDirectory: string;
}): string {
  const { dataDirectory: data } = input;
  return [
    '#!/bin/sh',
    'set -eu',
    'umask 077',
    `source="${input.backupDirectory}/$1"`,
    ...checkRdb,
    'check "$source"',
    `if [ -d ${data}/appendonlydir ]; then mv ${data}/appendonlydir "${data}/before-restore-$(date -u +%Y%m%dT%H%M%SZ)"; fi`,
    `rm -f ${data}/dump.rdb ${data}/sentinel.conf`,
    `mkdir ${data}/appendonlydir`,
    `cp "$source" ${data}/appendonlydir/appendonly.aof.1.base.rdb`,
    `: > ${data}/appendonlydir/appendonly.aof.1.incr.aof`,
    `printf 'file appendonly.aof.1.base.rdb seq 1 type b\\nfile appendonly.aof.1.incr.aof seq 1 type i\\n' > ${data}/appendonlydir/appendonly.aof.manifest`,
    'echo "restored $source"',
    '',
  ].join('\n');
}
