import { kubectlFor } from '../../infra/cluster/kubectl.ts';
import { loadSettings } from '../../infra/settings/index.ts';
import { type Log, mustSucceed, shownState } from './checks.ts';
import { noneInPlain, pack, streamed } from './preview.ts';
import type { Ran, Workspace } from './workspace.ts';

/**
 * An environment from nothing to nothing on the cluster that the workspace's kubeconfig names, in a namespace of its own:
 * up, up again, refresh, one changed limit, destroy.
 * @param changes settings laid over the file's, by key path
 */
export async function checkLife(
  workspace: Workspace,
  log: Log,
  environment: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const own = {
    ...changes,
    namespace: `simple378-engine-${environment}`,
    'edge.serviceType': 'ClusterIP',
    'edge.nodePort': undefined,
  };
  const { namespace, limits } = loadSettings(environment, own);
  const others = limits.filter(({ name }) => name !== 'default');
  /** The change that must roll the service alone. */
  const oneLimit = { limits: [...others, { name: 'default', quota: 50 }] };
  const kubectl = kubectlFor(namespace);
  const said: Record<string, string> = {};
  const pulumi = async (name: string, ...args: string[]): Promise<Ran> => {
    const ran = await workspace.pulumi(environment, args);
    said[name] = `${ran.stdout}\n${ran.stderr}`;
    mustSucceed(ran, name);
    return ran;
  };
  const timed = async (run: () => Promise<string>): Promise<string> => {
    const started = Date.now();
    const text = await run();
    return `${text}, ${((Date.now() - started) / 1000).toFixed(0)} s`;
  };
  await workspace.init(environment, { environment, changes: own });
  await log.check(`${environment}: up from empty`, () =>
    timed(async () => counts(await pulumi('first up', 'up', '--yes', ...pack))),
  );
  await log.check(`${environment}: up again changes nothing`, () =>
    timed(async () => counts(await pulumi('second up', 'up', '--yes', '--expect-no-changes', ...pack))),
  );
  await log.check(`${environment}: refresh is clean`, () =>
    timed(async () => counts(await pulumi('refresh', 'refresh', '--yes', '--expect-no-changes'))),
  );
  await log.check(`${environment}: one limit rolls the service alone`, async () => {
    workspace.configure(environment, { environment, changes: { ...own, ...oneLimit } });
    const preview = await workspace.pulumi(environment, ['preview', '--json', ...pack], streamed);
    mustSucceed(preview, 'preview');
    const steps = changed(preview.stdout);
    if (steps.join() !== 'update configmap/case-service-config,update deployment/case-service')
      throw new Error(`the preview wants ${steps.join(', ') || 'nothing'}`);
    const before = await pods(kubectl);
    await pulumi('up with one limit', 'up', '--yes', '--skip-preview', ...pack);
    const after = await pods(kubectl);
    const gone = before.filter((pod) => !after.includes(pod) && !isJob(pod));
    if (gone.length === 0 || gone.some((pod) => !pod.startsWith('case-service-')))
      throw new Error(`replaced pods: ${gone.join(', ') || 'none'}`);
    return `${steps.join(', ')}; replaced ${gone.length} of ${before.length} pods`;
  });
  await log.check(`${environment}: no secret in plain`, async () =>
    noneInPlain(await shownState(workspace, environment), { state: workspace.state(environment), ...said }),
  );
  await log.check(`${environment}: destroy leaves nothing`, () =>
    timed(async () => {
      const text = counts(await pulumi('destroy', 'destroy', '--yes'));
      const left = await leftOvers(kubectl);
      if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
      return text;
    }),
  );
}

type Kubectl = ReturnType<typeof kubectlFor>;

/** Of a PersistentVolume. */
interface VolumeSpec {
  readonly claimRef?: { readonly namespace: string };
  readonly persistentVolumeReclaimPolicy?: string;
}

/** Names with uid, since a StatefulSet's pods keep their names; one that ends is gone, however long it drains. */
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
 * What the cluster still has of a namespace: itself, cluster-wide objects that are named after it, and its volumes but those
 * that their class keeps on purpose.
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

/** What a streamed preview would do, root and components left out: `update deployment/case-service`. */
export function changed(events: string): string[] {
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

/** The counts at the end of what Pulumi says. */
function counts({ stdout }: Ran): string {
  const summary = stdout.slice(stdout.lastIndexOf('Resources:'));
  const found = [...summary.matchAll(/^ +[+~-]* ?(\d+ (?:created|updated|deleted|unchanged|replaced))/gm)];
  return found.map(([, count]) => count).join(', ') || 'nothing to do';
}
