import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { CouldNotCheck, command, noArguments } from '../lib/command.ts';

const usage = `npm run cluster:login

In a GitHub job: writes a kubeconfig that signs in as the job itself, by a fresh OIDC token per call, so that no
credential is stored anywhere. The cluster must trust GitHub's issuer (docs/delivery.md). On a laptop you have your own.

  KUBE_SERVER, KUBE_CA (PEM), KUBE_AUDIENCE   from the GitHub environment's variables

Exit: 0 written, 2 could not.`;

await command('cluster:login', usage, (args) => {
  noArguments(args);
  const { KUBE_SERVER, KUBE_CA, KUBE_AUDIENCE, GITHUB_ENV } = process.env;
  const missing = Object.entries({ KUBE_SERVER, KUBE_CA, KUBE_AUDIENCE, GITHUB_ENV })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  if (missing.length > 0) throw new CouldNotCheck(`not set: ${missing.join(', ')}`);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = join(root, '.local');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'kubeconfig');
  const credential = fileURLToPath(new URL('./kube-credential.ts', import.meta.url));
  const config = kubeconfig(KUBE_SERVER as string, KUBE_CA as string, process.execPath, credential);
  writeFileSync(file, stringify(config), { mode: 0o600 });
  appendFileSync(GITHUB_ENV as string, `KUBECONFIG=${file}\n`);
  return 0;
});

/** A kubeconfig whose user asks `kube-credential.ts` for a token. */
function kubeconfig(server: string, ca: string, node: string, credential: string) {
  const name = 'cluster';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: node,
            args: [credential],
            interactiveMode: 'Never',
          },
        },
      },
    ],
  };
}
