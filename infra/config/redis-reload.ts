/**
 * Makes a running server take up what changes in its mounted files: users and their passwords, the certificate, and with
 * Sentinel the passwords that servers use among themselves. Without it a rotation would need a restart.
 *
 * Users are set one by one: ACL SETUSER replaces all rules of a user at once and leaves its connections alone, whereas
 * ACL LOAD disconnects everybody whose rules changed, which costs requests. Only where a user came or went, the whole file
 * is loaded.
 */
export function reloadScript(input: {
  /** Redis, and the Sentinel beside it where there is one. */
  readonly servers: readonly { readonly port: number; readonly acl: string }[];
  readonly tlsDirectory: string;
  readonly secretsDirectory: string;
  /** The name that Sentinel knows the primary by; only where there is one. */
  readonly primaryName?: string;
  readonly seconds: number;
}): string {
  const { tlsDirectory, secretsDirectory, servers, primaryName } = input;
  const all = (command: (port: number, file: string) => string) =>
    servers.map(({ port, acl }) => command(port, `${secretsDirectory}/${acl}`)).join(' && ');
  return lines(
    '#!/bin/sh',
    // -f: rules such as ~cs:v1:* are no names of files.
    'set -uf',
    'own() {',
    `  REDISCLI_AUTH="$(cat ${secretsDirectory}/reloader-password)" redis-cli --no-auth-warning --tls --cacert ${tlsDirectory}/ca.crt --user reloader -p "$@"`,
    '}',
    `users() { cat ${servers.map(({ acl }) => `${secretsDirectory}/${acl}`).join(' ')}; }`,
    'names() { echo "$1" | sed \'s/^user \\([^ ]*\\).*/\\1/\'; }',
    `certificate() { cat ${tlsDirectory}/tls.crt; }`,
    'set_users() {',
    '  while read -r _ name rules; do',
    '    [ "$(own "$1" acl setuser "$name" reset $rules </dev/null)" = OK ] || return 1',
    '  done < "$2"',
    '}',
    ...(primaryName === undefined ? [] : amongServers(primaryName, servers, secretsDirectory)),
    'load() { [ "$(own "$1" acl load)" = OK ]; }',
    'have_users="$(users)" have_certificate="$(certificate)"',
    ...(primaryName === undefined ? [] : ['have_passwords="$(passwords)"']),
    // As process 1 a shell ignores SIGTERM unless told, and hears it only between commands.
    "trap 'exit 0' TERM INT",
    `while sleep ${input.seconds} & wait $!; do`,
    '  new="$(users)"',
    '  if [ "$new" != "$have_users" ]; then',
    '    if [ "$(names "$new")" = "$(names "$have_users")" ]; then',
    `      ${all((port, file) => `set_users ${port} ${file}`)} && have_users="$new" && echo "users set"`,
    '    else',
    `      ${all((port) => `load ${port}`)} && have_users="$new" && echo "users loaded"`,
    '    fi',
    '  fi',
    ...(primaryName === undefined
      ? []
      : [
          '  new="$(passwords)"',
          '  [ "$new" = "$have_passwords" ] || { set_passwords && have_passwords="$new" && echo "passwords set"; }',
        ]),
    '  if [ "$(certificate)" != "$have_certificate" ]; then',
    '    new="$(certificate)"',
    `    if [ "$(own ${servers[0]?.port} config set tls-cert-file ${tlsDirectory}/tls.crt tls-key-file ${tlsDirectory}/tls.key)" = OK ]; then`,
    '      have_certificate="$new" && echo "certificate reloaded"',
    ...(primaryName === undefined ? [] : [restartSentinel(servers[1]?.port)]),
    '    fi',
    '  fi',
    'done',
  );
}

/** What a server logs in with elsewhere: as a replica, and as a Sentinel to servers and to other Sentinels. */
function amongServers(
  primaryName: string,
  [redis, sentinel]: readonly { readonly port: number }[],
  secretsDirectory: string,
): string[] {
  const files = ['replication-password', 'sentinel-password', 'sentinel-client-password'];
  // By standard input: what is an argument can be read by whoever sees the processes.
  const tell = (port: number | undefined, command: string, file: string | undefined) =>
    `[ "$(printf '${command} %s\\n' "$(cat ${secretsDirectory}/${file})" | own ${port})" = OK ]`;
  return [
    `passwords() { cat ${files.map((file) => `${secretsDirectory}/${file}`).join(' ')}; }`,
    'set_passwords() {',
    `  ${tell(redis?.port, 'config set masterauth', files[0])} &&`,
    `    ${tell(sentinel?.port, `sentinel set ${primaryName} auth-pass`, files[1])} &&`,
    `    ${tell(sentinel?.port, 'sentinel config set sentinel-pass', files[2])}`,
    '}',
  ];
}

/** A Sentinel reads its certificate only when it starts: it ends, one pod after the other, and its container starts again. */
const restartSentinel = (port: number | undefined): string =>
  `      { sleep $((\${HOSTNAME##*-} * 30)) & wait $!; own ${port} shutdown nosave; echo "Sentinel starts again"; }`;

const lines = (...text: string[]): string => `${text.join('\n')}\n`;
