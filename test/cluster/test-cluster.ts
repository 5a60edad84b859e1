import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentCommand } from '../../infra/cluster/command.ts';
import { kubectlFor } from '../../infra/cluster/kubectl.ts';
import { unreachable } from '../../infra/kube.ts';
import { changesOf } from '../../infra/settings/changes.ts';
import { loadSettings } from '../../infra/settings/index.ts';
import { apply, writeRevealed } from './apply.ts';
import { type Check, checks } from './checks.ts';
import { dataChecks } from './data-checks.ts';
import { metricChecks } from './metric-checks.ts';
import { rotationChecks } from './rotation-checks.ts';
import { securityCheck } from './security-check.ts';
import { type Cluster, cluster } from './stack.ts';

const help = `Usage: npx vitest run --project cluster [environment] [options]

Applies an environment (dev when none is named) with fresh secrets to the cluster that kubectl's current context names,
and proves on it what the manifests promise. It deletes pods and data of that environment's namespace: never point it at
one that matters. Images must be there for the nodes.

  --set KEY=VALUE   change a setting, as in redis.mode=sentinel; may be repeated
  --drills          also rotate every secret under load: half an hour, since it waits as an operator does
  --only TEXT       only checks whose name contains it; may be repeated
  --crash COMMAND   kills a container at once, given namespace, pod and container; without it pods are deleted
  --out DIR         keep the manifests and secrets there, and reuse those that are there; outside the repository
  --no-apply        test what is there; needs --out
  --help

Exit codes: 0 all hold, 1 one does not, 2 no cluster or wrong usage, 78 bad settings.`;

const options = {
  only: { type: 'string', multiple: true, default: [] as string[] },
  out: { type: 'string' },
  crash: { type: 'string' },
  drills: { type: 'boolean', default: false },
  'no-apply': { type: 'boolean', default: false },
} as const;

process.exitCode = await environmentCommand('test:cluster', help, options, async (values, positionals) => {
  const [environment = 'dev', ...more] = positionals;
  if (more.length > 0) throw new Error('name one environment; --help shows how');
  if (values['no-apply'] && !values.out) throw new Error('--no-apply needs --out: the passwords are there');
  const settings = loadSettings(environment, changesOf(values.set));
  if (settings.environment === 'prod') throw new Error('never on prod: it deletes data');
  const why = await unreachable();
  if (why) throw new Error(`SKIPPED, nothing was tested: no cluster answers (${why})`);
  const folder = values.out ?? mkdtempSync(join(tmpdir(), 'test-cluster-'));
  const kubectl = kubectlFor(settings.namespace);
  if (!values['no-apply'])
    await apply(kubectl, await writeRevealed(environment, values.set, folder), settings);
  const under = cluster(kubectl, settings, values.set, folder, values.crash);
  const all = [
    ...checks,
    securityCheck,
    ...metricChecks,
    ...dataChecks,
    ...(values.drills ? rotationChecks : []),
  ];
  const outcomes: Outcome[] = [];
  for (const check of all) {
    if (values.only.length > 0 && !values.only.some((text) => check.name.includes(text))) continue;
    const outcome = await attempt(check, under);
    const { name, status, said, seconds } = outcome;
    console.log(`${status.padEnd(4)}  ${name}: ${said}${status === 'skip' ? '' : ` (${seconds} s)`}`);
    outcomes.push(outcome);
  }
  under.close();
  const failed = outcomes.filter(({ status }) => status === 'FAIL').length;
  console.log(failed === 0 ? 'test:cluster: all hold' : `test:cluster: ${failed} do not hold`);
  return failed === 0 ? 0 : 1;
});

interface Outcome {
  readonly name: string;
  readonly status: 'ok' | 'skip' | 'FAIL';
  readonly said: string;
  readonly seconds: number;
}

async function attempt(check: Check, under: Cluster): Promise<Outcome> {
  const start = Date.now();
  const outcome = (status: Outcome['status'], said: string): Outcome => ({
    name: check.name,
    status,
    said,
    seconds: Math.round((Date.now() - start) / 100) / 10,
  });
  const reason = check.unless?.(under);
  if (reason) return outcome('skip', reason);
  try {
    return outcome('ok', await check.run(under));
  } catch (error) {
    return outcome('FAIL', (error as Error).message);
  }
}
