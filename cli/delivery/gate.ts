import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reach } from '../../infra/cluster/command.ts';
import type { Forward as Forwarded, Kubectl } from '../../infra/cluster/kubectl.ts';
import { spawn } from '../../infra/programs/child-process.ts';
import { pulumi } from '../../infra/pulumi.ts';
import { loadSettings, type Settings } from '../../infra/settings/index.ts';
import { limitsOf } from '../../infra/settings/limits.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { type Environment, type Forward, gates } from './gates.ts';
import { type Pods, serving } from './replicas.ts';

const usage = `npx simple378 env gate <environment> <gate> [options of the gate]

Runs one gate of a roll-out against an environment in a cluster. Addresses, users and certificates come from the
stack's outputs; internal ports and Prometheus are reached by kubectl port-forward.

  gates: ${Object.keys(gates).join(', ')}

Exit: the gate's: 0 holds, 1 does not, 2 could not check.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Outputs {
  readonly url: string;
  readonly namespace: string;
  readonly users: Readonly<Record<string, string>>;
  readonly authority?: string;
}

await command('gate', usage, async ([environment, name = '', ...options]) => {
  const gate = gates[name];
  if (environment === undefined || gate === undefined)
    throw new CouldNotCheck(`name an environment and a gate: ${Object.keys(gates).join(', ')}`);
  const outputs = JSON.parse(
    pulumi(['stack', 'output', '--json', '--show-secrets', '--stack', environment]),
  ) as Outputs;
  const settings = loadSettings(environment);
  const kubectl = await reach({ ...settings, namespace: outputs.namespace });
  const pods = gate.forwards.includes('internal') ? await replicas(kubectl) : [];
  const open: Forwarded[] = [];
  try {
    const [script = '', ...args] = gate.command(
      await look(settings, outputs, kubectl, pods, gate.forwards, open),
    );
    const code = await npm(script, [...args, ...options]);
    if (code === 1 && pods.length > 0) mustBeSame(pods, await replicas(kubectl));
    return code;
  } finally {
    for (const { close } of open) close();
  }
});

/** Looks an environment up, and opens what the gate needs of it. */
async function look(
  settings: Settings,
  outputs: Outputs,
  kubectl: Kubectl,
  pods: readonly string[],
  forwards: readonly Forward[],
  open: Forwarded[],
): Promise<Environment> {
  const { environment: name } = settings;
  const folder = join(root, '.local', 'targets', name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const users = settings.app.users.map((user) => ({
    ...user,
    password: outputs.users[user.email],
  }));
  const file = (title: string, content: string): string => {
    writeFileSync(join(folder, title), content, { mode: 0o600 });
    return join(folder, title);
  };
  const through = async (pod: string, port: number): Promise<number> => {
    const opened = await kubectl.forward(`pod/${pod}`, port);
    open.push(opened);
    return opened.port;
  };
  const internal = await Promise.all(
    pods.map(async (pod) => `https://localhost:${await through(pod, 9464)}`),
  );
  const prometheus = forwards.includes('prometheus') ? await through('prometheus-0', 9090) : 0;
  return {
    name,
    url: outputs.url,
    ca: outputs.authority === undefined ? null : file('ca.crt', outputs.authority),
    users: file('users.json', JSON.stringify(users)),
    policies: file('policies.json', JSON.stringify(limitsOf(settings))),
    internal,
    internalCa: pods.length > 0 ? file('internal.crt', await internalAuthority(kubectl)) : '',
    prometheus: `http://127.0.0.1:${prometheus}`,
  };
}

async function replicas(kubectl: Kubectl): Promise<string[]> {
  const selector = 'app.kubernetes.io/name=case-service';
  const names = serving(await kubectl.json<Pods>('get', 'pods', '--selector', selector));
  if (names.length === 0)
    throw new CouldNotCheck(`no pod of ${kubectl.namespace} with ${selector} is ready: kubectl get pods`);
  return names;
}

/** Counters of replicas that came or went in between say nothing. @throws CouldNotCheck */
function mustBeSame(before: readonly string[], after: readonly string[]): void {
  if (before.join() === after.join()) return;
  throw new CouldNotCheck(
    `could not compare: the replicas were ${before.join(', ')} and are ${after.join(', ')}; run the gate again`,
  );
}

async function internalAuthority(kubectl: Kubectl): Promise<string> {
  const path = 'jsonpath={.data.ca\\.crt}';
  const encoded = await kubectl.run(['get', 'secret', 'case-service-tls', '--output', path]);
  return Buffer.from(encoded, 'base64').toString();
}

function npm(script: string, args: readonly string[]): Promise<number> {
  const child = spawn('npm', ['run', '--silent', script, '--', ...args], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 2));
  });
}
