/**
 * Makes a running server take up what changes in its mounted files: users and their passwords, the certificate.
 * Without it a rotation would need a restart.
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
  readonly seconds: number;
}): string {
  const { tlsDirectory, secretsDirectory, servers } = input;
  const all = (command: (port: number, file: string) => string) =>
    servers.map(({ port, acl }) => command(port, `${secretsDirectory}/${acl}`)).join(' && ');
  return lines(
    '#!/bin/sh',
    // -f: rules such as ~cs:v1:* are no names of files.
    'set -uf',
    'own() {',
    `  REDISCLI_AUTH="$(cat ${secretsDirectory}/reloader-password)" redis-cli --no-auth-warning --tls --cacert ${tlsDirectory}/ca.crt --user reloader -p "$@" </dev/null`,
    '}',
    `users() { cat ${servers.map(({ acl }) => `${secretsDirectory}/${acl}`).join(' ')}; }`,
    'names() { echo "$1" | sed \'s/^user \\([^ ]*\\).*/\\1/\'; }',
    `certificate() { cat ${tlsDirectory}/tls.crt; }`,
    'set_users() {',
    '  while read -r _ name rules; do',
    '    [ "$(own "$1" acl setuser "$name" reset $rules)" = OK ] || return 1',
    '  done < "$2"',
    '}',
    'load() { [ "$(own "$1" acl load)" = OK ]; }',
    'have_users="$(users)" have_certificate="$(certificate)"',
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
    '  if [ "$(certificate)" != "$have_certificate" ]; then',
    '    new="$(certificate)"',
    // A Sentinel has no CONFIG SET for it: it reads the certificate when its pod starts.
    `    [ "$(own ${servers[0]?.port} config set tls-cert-file ${tlsDirectory}/tls.crt tls-key-file ${tlsDirectory}/tls.key)" = OK ] && have_certificate="$new" && echo "certificate reloaded"`,
    '  fi',
    'done',
  );
}

const lines = (...text: string[]): string => `${text.join('\n')}\n`;
