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
    // What a job that was killed left an hour ago; a younger one may be at work beside this one.
    `find ${dir} -name '*.part' -mmin +60 -exec rm -f {} \\;`,
    `file="${dir}/$(date -u +%Y%m%dT%H%M%SZ).rdb"`,
    // With the pod's name: a second job may start in the same second.
    'part="$file.$HOSTNAME.part"',
    `trap 'rm -f "$part"' EXIT`,
    "trap 'exit 1' INT TERM",
    `cli --user backup -h "$host" -p ${input.redisPort} --rdb "$part"`,
    'check "$part"',
    'mv "$part" "$file"',
    `ls -1 ${dir}/*.rdb | sort -r | sed '1,${input.keep}d' | while read -r old; do rm -f "$old"; done`,
    `[ "$(cli --user backup -h "$host" -p ${input.redisPort} set ${lastBackupKey} "$(date +%s)")" = OK ]`,
    'echo "copied $host to $file"',
    '',
  ].join('\n');
}

/** What the script of a restore depends on. */
export interface RestoreInput {
  readonly dataDirectory: string;
  readonly backupDirectory: string;
  /** Where there are Sentinels: what they must remember. */
  readonly sentinel?: { readonly primaryName: string; readonly redisPort: number; readonly quorum: number };
}

/**
 * Takes a stopped server's data away, under another name, and with a second argument puts a copy in their place: the
 * append-only file's base may be an RDB file. The first argument is the host that is to be the primary: the server and its
 * Sentinel remember it as the choice of an election later than any. Everything is made beside the data first and put in place by
 * renaming: a full disk or a killed pod leaves what was there.
 */
export function restoreScript(input: RestoreInput): string {
  const { dataDirectory: data, sentinel } = input;
  return [
    '#!/bin/sh',
    'set -eu',
    'umask 077',
    `aof=${data}/appendonlydir new=${data}/restoring memory=${data}/sentinel.conf`,
    `before="${data}/before-restore-$(date -u +%Y%m%dT%H%M%SZ)"`,
    ...checkRdb,
    'undo() {',
    '  rm -rf "$new" "$memory.new"',
    '  [ -d "$aof" ] || [ ! -d "$before" ] || mv "$before" "$aof"',
    '}',
    'trap undo EXIT',
    "trap 'exit 1' INT TERM",
    'rm -rf "$new"',
    'if [ $# -gt 1 ]; then',
    `  source="${input.backupDirectory}/$2"`,
    '  check "$source"',
    '  mkdir "$new"',
    '  cp "$source" "$new/appendonly.aof.1.base.rdb"',
    '  : > "$new/appendonly.aof.1.incr.aof"',
    `  printf 'file appendonly.aof.1.base.rdb seq 1 type b\\nfile appendonly.aof.1.incr.aof seq 1 type i\\n' > "$new/appendonly.aof.manifest"`,
    'fi',
    ...(sentinel
      ? [
          `printf 'sentinel monitor ${sentinel.primaryName} %s ${sentinel.redisPort} ${sentinel.quorum}\\nsentinel config-epoch ${sentinel.primaryName} %s\\n' "$1" "$(date +%s)" > "$memory.new"`,
        ]
      : []),
    'sync',
    'if [ -d "$aof" ]; then mv "$aof" "$before"; fi',
    'if [ -d "$new" ]; then mv "$new" "$aof"; fi',
    ...(sentinel ? ['mv "$memory.new" "$memory"'] : []),
    `rm -f ${data}/dump.rdb`,
    'trap - EXIT',
    'if [ $# -gt 1 ]; then echo "restored $2"; else echo "emptied"; fi',
    '',
  ].join('\n');
}
