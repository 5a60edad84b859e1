import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Puts a shell script into a folder as a program, which notes its calls in the folder's file `calls`. */
export function tool(folder: string, program: string, script: string): void {
  const file = join(folder, program);
  writeFileSync(file, `#!/bin/sh\necho "${program} $*" >>"${folder}/calls"\n${script}\n`);
  chmodSync(file, 0o755);
}

/** What the Gateway API serves as v1 since its release 1.5, as far as it is asked for. */
export const gatewayKinds = ['gatewayclasses', 'gateways', 'httproutes', 'backendtlspolicies', 'tlsroutes'];

/** The script of a kubectl whose cluster has what `local` and `dev` need. */
export const goodCluster = `case "$*" in
  *version*) echo '{"minor":"36"}';;
  *gateway.networking*) echo '${JSON.stringify({ resources: gatewayKinds.map((name) => ({ name })) })}';;
  *"config view"*) echo "here (https://192.0.2.1:6443)";;
esac`;
