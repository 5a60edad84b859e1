import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectlFor } from '../../infra/cluster/kubectl.ts';
import { unreachable } from '../../infra/kube.ts';
import { loadSettings } from '../../infra/settings/index.ts';
import { noneInPlain, pack, shownState, streamed, succeeded } from './preview.ts';
import { openWorkspace, type Ran, type Workspace } from './workspace.ts';

/*
 * ENGINE_CLUSTER=dev,staging npx vitest run --project engine life: brings environments up on the cluster of kubectl's
 * current context, each in a namespace of its own, and destroys them: up, up again, refresh, one changed limit, destroy.
 */
const environments = (process.env.ENGINE_CLUSTER ?? '').split(',').filter((name) => name !== '');

describe.skipIf(environments.length === 0)('the life of an environment on a cluster (ENGINE_CLUSTER)', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    const reason = await unreachable();
    if (reason) throw new Error(`no cluster answers, so nothing was tested: ${reason}`);
    workspace = openWorkspace({ cluster: true });
  });
  afterAll(() => workspace?.close());

  describe.each(environments)('%s', (environment) => {
    const changes = {
      namespace: `simple378-engine-${environment}`,
      'edge.serviceType': 'ClusterIP',
      'edge.nodePort': undefined,
    };
    const { namespace, limits } = loadSettings(environment, changes);
    const kubectl = kubectlFor(namespace);
    const output: Record<string, string> = {};
    const pulumi = async (name: string, ...args: string[]): Promise<Ran> => {
      const ran = await workspace.pulumi(environment, args);
      output[name] = `${ran.stdout}\n${ran.stderr}`;
      return succeeded(ran, name);
    };

    test('comes up from empty', async () => {
      await workspace.init(environment, { environment, changes });
      await pulumi('first up', 'up', '--yes', ...pack);
    });

    test('a second up changes nothing, and a refresh is clean', async () => {
      await pulumi('second up', 'up', '--yes', '--expect-no-changes', ...pack);
      await pulumi('refresh', 'refresh', '--yes', '--expect-no-changes');
    });

    test('a changed limit replaces pods of the service alone', async () => {
      const others = limits.filter(({ name }) => name !== 'default');
      const oneLimit = { ...changes, limits: [...others, { name: 'default', quota: 50 }] };
      workspace.configure(environment, { environment, changes: oneLimit });
      const preview = await workspace.pulumi(environment, ['preview', '--json', ...pack], streamed);
      expect(changedObjects(succeeded(preview, 'preview').stdout)).toEqual([
        'update configmap/case-service-config',
        'update deployment/case-service',
      ]);
      const before = await pods(kubectl);
      await pulumi('up with one limit', 'up', '--yes', '--skip-preview', ...pack);
      const after = await pods(kubectl);
      const replaced = before.filter((pod) => !after.includes(pod) && !isJob(pod));
      expect(replaced).not.toEqual([]);
      expect(replaced.filter((pod) => !pod.startsWith('case-service-'))).toEqual([]);
    });

    test('no secret is in plain in state or output', async () => {
      const texts = { state: workspace.state(environment), ...output };
      expect(noneInPlain(await shownState(workspace, environment), texts)).toEqual([]);
    });

    test('destroy leaves nothing', async () => {
      await pulumi('destroy', 'destroy', '--yes');
      expect(await leftOvers(kubectl)).toEqual([]);
    });
  });
});

type Kubectl = ReturnType<typeof kubectlFor>;

/** Of a PersistentVolume. */
interface VolumeSpec {
  readonly claimRef?: { readonly namespace: string };
  readonly persistentVolumeReclaimPolicy?: string;
}

/** Names with uid, because a StatefulSet's pods keep their names. A terminating pod counts as gone. */
async function pods(kubectl: Kubectl): Promise<string[]> {
  const { items } = await kubectl.json<{
    items: { metadata: { name: string; uid: string; deletionTimestamp?: string } }[];
  }>('get', 'pods');
  return items
    .filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined)
    .map(({ metadata: { name, uid } }) => `${name} ${uid}`);
}

/** Pods of the backup's nightly job come and go. */
const isJob = (pod: string): boolean => pod.startsWith('redis-backup-');

/**
 * Returns the objects of a namespace that the cluster still has: the namespace itself, cluster-wide objects that are named
 * after it, and its volumes, except those that their class retains.
 */
async function leftOvers(kubectl: Kubectl): Promise<string[]> {
  const kinds = 'namespaces,clusterroles,clusterrolebindings,gatewayclasses,persistentvolumes';
  const { items } = await kubectl.json<{
    items: { kind: string; metadata: { name: string }; spec?: VolumeSpec }[];
  }>('get', kinds);
  return items
    .filter(
      ({ metadata, spec }) =>
        metadata.name.includes(kubectl.namespace) ||
        (spec?.claimRef?.namespace === kubectl.namespace && spec.persistentVolumeReclaimPolicy !== 'Retain'),
    )
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

/** Returns the Kubernetes objects that a streamed preview changes, as `update deployment/case-service`. */
function changedObjects(events: string): string[] {
  return events
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      const { resourcePreEvent } = JSON.parse(line) as {
        resourcePreEvent?: { metadata: { op: string; urn: string; type: string } };
      };
      return resourcePreEvent?.metadata.type.startsWith('kubernetes:') ? [resourcePreEvent.metadata] : [];
    })
    .filter(({ op }) => op !== 'same' && op !== 'read')
    .map(({ op, urn }) => `${op} ${urn.split('::').at(-1)}`)
    .sort();
}
