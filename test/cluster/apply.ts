import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kubectl } from '../../infra/cluster/kubectl.ts';
import { renderManifests } from '../../infra/render.ts';
import type { Settings } from '../../infra/settings/index.ts';

/** Renders an environment with fresh secrets and returns the folder of its manifests. */
export async function writeRevealed(
  environment: string,
  set: readonly string[],
  out: string,
): Promise<string> {
  const options = { environments: [environment], check: false, set, secret: [], revealSecrets: true, out };
  await renderManifests(options, () => undefined);
  return join(out, environment);
}

/** Applies a folder of manifests, the namespace first, and removes nothing. */
export async function apply(kubectl: Kubectl, folder: string, settings: Settings): Promise<void> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.yaml'),
  );
  const text = (list: readonly string[]) =>
    list.map((file) => readFileSync(join(folder, file), 'utf8')).join('---\n');
  const first = files.filter((file) => file.startsWith('namespace/namespace-'));
  const command = [
    'apply',
    '--server-side',
    '--force-conflicts',
    '--field-manager=simple378-test',
    '-f',
    '-',
  ];
  await kubectl.run(command, text(first));
  await kubectl.run(command, text(files.filter((file) => !first.includes(file))));
  for (const workload of await workloads(kubectl))
    await kubectl.run(['rollout', 'status', workload, '--timeout=300s']);
  if (settings.edge.controller === 'traefik')
    await kubectl.run(['wait', '--for=condition=Programmed', 'gateway/edge', '--timeout=60s']);
}

async function workloads(kubectl: Kubectl): Promise<string[]> {
  const names = await kubectl.run(['get', 'deployments,statefulsets', '-o', 'name']);
  return names.split('\n').filter((name) => name !== '');
}
