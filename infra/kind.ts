import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gatewayApi } from './prerequisites.ts';
import { spawnSync } from './programs/child-process.ts';
import { loadSettings, writeStackSettings } from './settings/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The newest node that manifests are validated for; kind's own list of version 0.32. */
const nodeImage =
  'docker.io/kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5';

/** Options of `npx simple378 env kind`. */
export interface KindOptions {
  /** Name of the kind cluster. */
  readonly name: string;
  /** Does not ask before `pulumi up`. */
  readonly yes: boolean;
  /** Deletes the cluster and its stack instead. */
  readonly delete: boolean;
}

/**
 * Creates a kind cluster with the Gateway API and the service's image, and brings the environment "local" up in it as the
 * stack local-kind-NAME. A second run takes over changes of the code.
 * @returns the exit code of the last step
 * @throws StepFailed; Error when a tool is missing
 */
export async function runKind(
  options: KindOptions,
  bringUp: (stack: string) => Promise<number>,
): Promise<number> {
  const { name } = options;
  for (const [tool, args] of tools) present(tool, args);
  const stack = `local-kind-${name}`;
  if (options.delete) {
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
  const code = await bringUp(stack);
  if (code !== 0) return code;
  console.log(`The API is at https://${edge.host}:8443; its CA: pulumi stack output authority --stack ${stack}
The users' passwords: pulumi stack output users --show-secrets --stack ${stack}`);
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

class StepFailed extends Error {
  readonly exitCode = 1;
}

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
  console.log(`$ ${basename(tool)} ${args.join(' ')}`);
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
