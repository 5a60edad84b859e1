import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadSettings, writeStackSettings } from './settings.ts';

const help = `Usage: npm run kind -- [options]

A kind cluster on this machine with the environment "local": creates the cluster, installs the Gateway API, builds and
loads the service's image, and runs npm run up -- local for a stack of the cluster's own, "local-NAME". Run it again after a
change. Needs Docker with three cores, kind 0.32 or newer, kubectl, and the Pulumi CLI logged in to a backend: pulumi login
--local will do, with a passphrase in PULUMI_CONFIG_PASSPHRASE_FILE. Port 8443 must be free: one such cluster at a time, and
not beside npm start.

  --name NAME   the cluster's name; default simple378
  --yes         do not ask before pulumi up
  --delete      delete the cluster and its stack instead
  --help

Exit codes: 0 done, 1 a step failed, 2 something is missing or wrong usage.`;

const root = fileURLToPath(new URL('..', import.meta.url));
const gatewayApi =
  'https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml';
/** The newest node that manifests are validated for; kind's own list of version 0.32. */
const nodeImage =
  'docker.io/kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5';

function main(argv: readonly string[]): number {
  try {
    return run(argv);
  } catch (error) {
    console.error(`kind: ${(error as Error).message}`);
    return error instanceof StepFailed ? 1 : 2;
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
  const stack = `local-${name}`;
  if (values.delete) {
    step('kind', ['delete', 'cluster', '--name', name]);
    forget(stack);
    return 0;
  }
  const { app, edge } = loadSettings('local');
  const there = spawnSync('kind', ['get', 'clusters'], { encoding: 'utf8' }).stdout.split('\n');
  const isNew = !there.includes(name);
  // Whatever became of an earlier cluster: its resources are not in this one.
  if (isNew) forget(stack);
  // Before what takes minutes: Pulumi may lack a passphrase.
  if (!exists(stack)) step('pulumi', ['stack', 'init', stack, '--no-select']);
  if (isNew)
    step('kind', ['create', 'cluster', '--name', name, '--config', '-'], cluster(edge.nodePort ?? 30_443));
  step('kubectl', ['config', 'use-context', `kind-${name}`]);
  step('kubectl', ['apply', '--server-side', '-f', gatewayApi]);
  step('docker', ['build', '-f', 'app/Dockerfile', '-t', app.image, '.']);
  const image = tagByContent(app.image);
  step('kind', ['load', 'docker-image', image, '--name', name]);
  writeStackSettings(settingsFile(stack), 'local', { 'app.image': image });
  step(process.execPath, ['infra/up.ts', 'local', '--stack', stack, ...(values.yes ? ['--yes'] : [])]);
  console.log(
    `kind: the API is at https://${edge.host}:8443; its CA: pulumi stack output authority --stack ${stack}`,
  );
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
  const { stdout } = spawnSync('docker', ['image', 'inspect', '--format', '{{.Id}}', image], {
    encoding: 'utf8',
  });
  const tagged = image.replace(/:[^:/]+$/, `:${stdout.trim().replace('sha256:', '').slice(0, 12)}`);
  step('docker', ['tag', image, tagged]);
  return tagged;
}

const exists = (stack: string): boolean =>
  spawnSync('pulumi', ['stack', '--show-name', '--stack', stack], { cwd: root, stdio: 'ignore' }).status ===
  0;

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

function step(tool: string, args: readonly string[], input?: string): void {
  console.log(`kind: ${basename(tool)} ${args.join(' ')}`);
  const { status } = spawnSync(tool, [...args], {
    cwd: root,
    stdio: [input ? 'pipe' : 'inherit', 'inherit', 'inherit'],
    input,
  });
  if (status !== 0) throw new StepFailed(`${tool} ended with ${status}`);
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
