import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import type { Forward, Kubectl } from '../../infra/cluster/kubectl.ts';
import type { Settings } from '../../infra/settings/index.ts';
import { CouldNotCheck, exits, stack } from '../frame/command.ts';
import { root, runCommand } from '../frame/process.ts';
import { type Environment, type Gate, gates } from '../rollout/gates.ts';

/** Stack outputs that a gate reads. */
interface Outputs {
  readonly url: string;
  readonly namespace: string;
  readonly users: Readonly<Record<string, string>>;
  readonly authority?: string;
}

/** `env gate`: runs one gate of a roll-out. */
export function gate(): Command {
  return new Command('gate')
    .description('run one gate of a roll-out against an environment in a cluster')
    .addArgument(stack())
    .addArgument(new Argument('<gate>', 'the gate').choices(Object.keys(gates)))
    .argument('[options...]', 'more options of the gate’s command, such as --for 10m')
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\nAddresses, users and certificates come from the outputs of the stack; internal ports and Prometheus are reached by\nkubectl port-forward. The exit code is that of the gate.',
    )
    .action(
      exits((environment: string, name: string, options: string[]) =>
        run(environment, gates[name] as Gate, options),
      ),
    );
}

async function run(name: string, { forwards, command }: Gate, options: readonly string[]): Promise<number> {
  const { pulumi } = await import('../../infra/pulumi.ts');
  const { reach } = await import('../../infra/cluster/reach.ts');
  const { loadSettings } = await import('../../infra/settings/index.ts');
  const outputs = JSON.parse(
    pulumi(['stack', 'output', '--json', '--show-secrets', '--stack', name]),
  ) as Outputs;
  const settings = loadSettings(name);
  const kubectl = await reach({ ...settings, namespace: outputs.namespace });
  const pods = forwards.includes('internal') ? await readyReplicas(kubectl) : [];
  const open: Forward[] = [];
  const forward = async (pod: string, port: number): Promise<number> => {
    const opened = await kubectl.forward(`pod/${pod}`, port);
    open.push(opened);
    return opened.port;
  };
  try {
    const internal = await Promise.all(
      pods.map(async (pod) => `https://localhost:${await forward(pod, 9464)}`),
    );
    const prometheus = forwards.includes('prometheus') ? await forward('prometheus-0', 9090) : 0;
    const files = await writeFiles(settings, outputs, pods.length > 0 ? kubectl : null);
    const environment = { ...files, internal, prometheus: `http://127.0.0.1:${prometheus}` };
    const code = await runCommand(...command(environment), ...options);
    if (code === 1 && pods.length > 0) mustEqual(pods, await readyReplicas(kubectl));
    return code;
  } finally {
    for (const { close } of open) close();
  }
}

/** Writes what the gate's command reads from files, readable by this user only. */
async function writeFiles(
  settings: Settings,
  { url, users, authority }: Outputs,
  kubectl: Kubectl | null,
): Promise<Omit<Environment, 'internal' | 'prometheus'>> {
  const { limitsOf } = await import('../../infra/settings/limits.ts');
  const folder = join(root, '.local', 'targets', settings.environment);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const accounts = settings.app.users.map((user) => ({ ...user, password: users[user.email] }));
  return {
    name: settings.environment,
    url,
    ca: authority === undefined ? null : file('ca.crt', authority),
    users: file('users.json', JSON.stringify(accounts)),
    policies: file('policies.json', JSON.stringify(limitsOf(settings))),
    internalCa: kubectl === null ? '' : file('internal.crt', await internalAuthority(kubectl)),
  };
}

/** The part of `kubectl get pods -o json` that is read. */
interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

/** Names of the service's pods that receive requests, sorted: they are ready and not terminating. @throws CouldNotCheck */
async function readyReplicas(kubectl: Kubectl): Promise<string[]> {
  const selector = 'app.kubernetes.io/name=case-service';
  const { items } = await kubectl.json<Pods>('get', 'pods', '--selector', selector);
  const names = items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    )
    .map(({ metadata }) => metadata.name);
  if (names.length === 0)
    throw new CouldNotCheck(`no pod of ${kubectl.namespace} with ${selector} is ready: kubectl get pods`);
  return names.sort();
}

/** Counters of replicas that started or stopped during the gate cannot be compared. @throws CouldNotCheck */
function mustEqual(before: readonly string[], after: readonly string[]): void {
  if (before.join() === after.join()) return;
  throw new CouldNotCheck(
    `the replicas changed from ${before.join(', ')} to ${after.join(', ')}, so their counters cannot be compared; run the gate again`,
  );
}

async function internalAuthority(kubectl: Kubectl): Promise<string> {
  const path = 'jsonpath={.data.ca\\.crt}';
  const encoded = await kubectl.run(['get', 'secret', 'case-service-tls', '--output', path]);
  return Buffer.from(encoded, 'base64').toString();
}
