import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectlFor } from '../../infra/cluster/kubectl.ts';
import { unreachable } from '../../infra/kube.ts';
import { changesOf } from '../../infra/settings/changes.ts';
import { loadSettings } from '../../infra/settings/index.ts';
import { apply, writeRevealed } from './apply.ts';
import { type Check, checks } from './checks.ts';
import { dataChecks } from './data-checks.ts';
import { metricChecks } from './metric-checks.ts';
import { rotationChecks } from './rotation-checks.ts';
import { type Cluster, cluster } from './stack.ts';

/*
 * npx vitest run --project cluster: applies an environment with fresh secrets to the cluster of kubectl's current context,
 * and tries every promise of its manifests there. It deletes pods and data of that environment's namespace. The nodes
 * must have the images.
 *
 *   CLUSTER_ENVIRONMENT   the environment; default dev, never prod
 *   CLUSTER_SET           changes of settings, KEY=VALUE, separated by spaces
 *   CLUSTER_DRILLS=1      also rotate every secret under load, which takes half an hour
 *   CLUSTER_OUT           folder outside the repository that keeps manifests and secrets, and reuses those that are there
 *   CLUSTER_NO_APPLY=1    test the environment that runs already; needs CLUSTER_OUT
 *   CLUSTER_CRASH         program that kills a container at once, given namespace, pod and container
 */
const {
  CLUSTER_ENVIRONMENT: environment = 'dev',
  CLUSTER_SET = '',
  CLUSTER_DRILLS,
  CLUSTER_OUT,
  CLUSTER_NO_APPLY,
  CLUSTER_CRASH,
} = process.env;

const set = CLUSTER_SET.split(' ').filter((pair) => pair !== '');
const settings = loadSettings(environment, changesOf(set));
let under: Cluster;

beforeAll(async () => {
  if (settings.environment === 'prod') throw new Error('these tests delete data, so they never run on prod');
  if (CLUSTER_NO_APPLY && !CLUSTER_OUT)
    throw new Error('CLUSTER_NO_APPLY needs CLUSTER_OUT with the passwords');
  const reason = await unreachable();
  if (reason) throw new Error(`no cluster answers, so nothing was tested: ${reason}`);
  const folder = CLUSTER_OUT ?? mkdtempSync(join(tmpdir(), 'test-cluster-'));
  const kubectl = kubectlFor(settings.namespace);
  if (!CLUSTER_NO_APPLY) await apply(kubectl, await writeRevealed(environment, set, folder), settings);
  under = cluster(kubectl, settings, set, folder, CLUSTER_CRASH);
});
afterAll(() => under?.close());

const all: readonly Check[] = [
  ...checks,
  ...metricChecks,
  ...dataChecks,
  ...(CLUSTER_DRILLS ? rotationChecks : []),
];
for (const { name, run, unless } of all) {
  const reason = unless?.(settings);
  if (reason) test.skip(`${name} (${reason})`);
  else test(name, async () => console.log(`${name}: ${await run(under)}`));
}

test('every check of security-verify holds at the edge', async () => {
  const { folder, material, address } = under;
  const { address: host, port } = await address();
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const users = settings.app.users.map((user) => ({
    ...user,
    password: material.values[`password/user/${user.email}`],
  }));
  const { main } = await import('../../policies/verify/main.ts');
  const lines: string[] = [];
  const code = await main(
    [
      ...['--target', `https://${settings.edge.host}`, '--connect', `${host}:${port}`],
      ...['--ca', file('ca.crt', material.certificates.authority?.crt ?? '')],
      ...['--users', file('users.json', JSON.stringify(users)), '--behind-edge'],
    ],
    (line) => lines.push(line),
  );
  expect(code, lines.join('\n')).toBe(0);
});
