import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gatewayApi } from './prerequisites.ts';
import { spawnSync } from './programs/child-process.ts';
import { BadSettings, loadSettings, writeStackSettings } from './settings/index.ts';

const help = `Usage: npx simple378 env kind [options]

A kind cluster on this machine with the environment "local": creates the cluster, installs the Gateway API, builds and
loads the service's image, and runs npm run up -- local for a stack of the cluster's own, "local-kind-NAME". Run it again after
a change. Needs Docker with three cores, kind 0.32 or newer, kubectl, and the Pulumi CLI logged in to a backend: pulumi login
--local will do, with a passphrase in PULUMI_CONFIG_PASSPHRASE_FILE. Port 8443 must be free: one such cluster at a time, and
not beside npm start.

  --name NAME   the cluster's name; default simple378
  --yes         do not ask before pulumi up
  --delete      delete the cluster and its stack instead
  --help

Exit codes: 0 done, 1 a step failed, 2 something is missing or wrong usage, 78 bad settings.`;

const root = fileURLToPath(new URL('..', import.meta.url));
/** The newest node that manifests are validated for; kind's own list of version 0.32. */
const nodeImage =
  'docker.io/kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5';

function main(argv: readonly string[]): number {
  try {
    return run(argv);
  } catch (error) {
    console.error(`kind: ${(error as Error).message}`);
    if (error instanceof StepFailed) return 1;
    return error instanceof BadSettings ? 78 : 2;
  }
}

function run(argv: readonly string[]): number {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      name: { type: 'string', default: 'simple378' },
      yes: { type: 'boolean', default: false },
      delete: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  for (const [tool, args] of tools) present(tool, args);
  const { name } = values;
  const stack = `local-kind-${name}`;
  if (values.delete) {
    step('kind', ['delete', 'cluster', '--name', name]);
    forget(stack);
    return 0;
  }
  const { app, edge } = loadSettings('local');
  const isNew = !output('kind', ['get', 'clusters']).split('\n').includes(name);
  // Whatever became of an earlier cluster: its resources are not in this one.
  if (isNew) forget(stack);
  // Before what takes minutes: Pulumi may lack a passphrase.
  if (!exists(stack)) step('pulumi', ['stack', 'init', stack, '--no-select']);
  if (isNew)
    step('kind', ['create', 'cluster', '--name', name, '--config', '-'], cluster(edge.nodePort ?? 30_443));
  const context = `kind-${name}`;
  step('kubectl', ['config', 'use-context', context]);
  step('kubectl', ['apply', '--server-side', '-f', gatewayApi]);
  step('docker', ['build', '-f', 'app/Dockerfile', '-t', app.image, '.']);
  const image = tagByContent(app.image);
  // Under the name of the settings too: the probes of npx simple378 env probe-network run in it.
  step('kind', ['load', 'docker-image', image, app.image, '--name', name]);
  writeStackSettings(settingsFile(stack), 'local', { 'app.image': image, 'cluster.context': context });
  const up = ['infra/up.ts', 'local', '--stack', stack, ...(values.yes ? ['--yes'] : [])];
  // It has said itself why it ends so.
  const code = attempt(process.execPath, up);
  if (code !== 0) return code;
  console.log(`kind: the API is at https://${edge.host}:8443; its CA: pulumi stack output authority --stack ${stack}
kind: the users' passwords: pulumi stack output users --show-secrets --stack ${stack}`);
  return 0;
}

const tools: [string, string[]][] = [
  ['docker', ['info']],
  ['kind', ['version']],
  ['kubectl', ['version', '--client']],
  ['pulumi', ['whoami']],
];

const settingsFile = (stack: string): string => join(root, `Pulumi.${stack}.yaml`);

/** Tags an image with its own content, so that a changed one rolls the service, and gives that reference. */
function tagByContent(image: string): string {
  const id = output('docker', ['image', 'inspect', '--format', '{{.Id}}', image]).trim();
  const tagged = image.replace(/:[^:/]+$/, `:${id.replace('sha256:', '').slice(0, 12)}`);
  step('docker', ['tag', image, tagged]);
  return tagged;
}

/** Whether there is a stack; its name may come with that of its owner. */
function exists(stack: string): boolean {
  const stacks = JSON.parse(output('pulumi', ['stack', 'ls', '--json'])) as { name: string }[];
  return stacks.some(({ name }) => name.split('/').at(-1) === stack);
}

/** Removes a stack with its settings; what it made went with its cluster. */
function forget(stack: string): void {
  if (exists(stack)) step('pulumi', ['stack', 'rm', stack, '--force', '--yes']);
  rmSync(settingsFile(stack), { force: true });
}

class StepFailed extends Error {}

function present(tool: string, args: readonly string[]): void {
  const { error, status } = spawnSync(tool, [...args], { stdio: 'ignore' });
  if (error) throw new Error(`${tool} is not installed: see docs/operations.md, "On a laptop"`);
  if (status !== 0)
    throw new Error(`"${tool} ${args.join(' ')}" fails: is it running, and are you logged in?`);
}

/** What a tool says. @throws StepFailed when it fails: no answer is not the answer that there is nothing */
function output(tool: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(tool, [...args], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new StepFailed(`${tool} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
  return stdout;
}

function step(tool: string, args: readonly string[], input?: string): void {
  const status = attempt(tool, args, input);
  if (status !== 0) throw new StepFailed(`${tool} ${args[0]} ended with ${status}`);
}

function attempt(tool: string, args: readonly string[], input?: string): number {
  console.log(`kind: ${basename(tool)} ${args.join(' ')}`);
  const { status } = spawnSync(tool, [...args], {
    cwd: root,
    stdio: [input ? 'pipe' : 'inherit', 'inherit', 'inherit'],
    input,
    // An attestation has the time of its build in it, and would give the same image another id each time.
    env: { ...process.env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' },
  });
  return status ?? 1;
}

/** One node; the edge's node port is port 8443 of this machine. */
function cluster(nodePort: number): string {
  return JSON.stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: [
      {
        role: 'control-plane',
        image: nodeImage,
        extraPortMappings: [{ containerPort: nodePort, hostPort: 8443, listenAddress: '127.0.0.1' }],
      },
    ],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
