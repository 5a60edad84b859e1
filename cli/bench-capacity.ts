import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from '../infra/programs/child-process.ts';
import { environments, loadSettings } from '../infra/settings/index.ts';
import type { Capacity } from '../loadtests/scenarios/capacity.ts';
import { CouldNotCheck, command } from './lib/command.ts';
import { stackRuns, withStack } from './lib/stack.ts';

const usage = `npx simple378 bench capacity [--to N --port-offset N]

Finds the highest rate that keeps the objectives: starts the local stack without limits, runs the load test breakpoint,
writes what it found to loadtests/capacity.json and docs/capacity.md, and says which environments promise more than
that. Needs k6, a machine that does nothing else, and some 3 minutes.

  --to N            highest rate tried, requests per second (default 600)
  --port-offset N   of the stack (default 0)

Exit: 0 measured, 1 an environment promises more than that, 2 could not measure.`;

const root = fileURLToPath(new URL('..', import.meta.url));
const replicas = 2;

await command('bench:capacity', usage, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      to: { type: 'string', default: '600' },
      'port-offset': { type: 'string', default: '0' },
    },
  });
  if (stackRuns()) throw new CouldNotCheck('a stack runs here, which has limits: npm stop');
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  const start = ['--policies', 'loadtests/policies/no-limits.json', '--port-offset', values['port-offset']];
  // A knee above or below the ramp is none: k6's own verdict is then 1, or the last step holds.
  const status = await withStack(root, start, () => npm('loadtest', ['breakpoint', '--to', values.to]));
  if (status !== 0) throw new CouldNotCheck('the load test did not hold; nothing is written');
  const { knee, steps } = JSON.parse(readFileSync(join(root, 'reports/loadtest/knee.json'), 'utf8')) as {
    knee: number;
    steps: NonNullable<Capacity['knee']>['steps'];
  };
  if (steps.every(({ holds }) => holds))
    throw new CouldNotCheck(`every step up to ${values.to}/s holds; repeat with a higher --to`);
  write({
    replicas,
    requestsPerSecond: knee,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    loadBefore,
    steps: steps.map(({ rate, answered, p95, failed, holds }) => ({
      rate,
      answered: Math.round(answered * 10) / 10,
      p95: Math.round(p95 * 10) / 10,
      failed,
      holds,
    })),
  });
  npm('generate:docs', []);
  return promises();
});

function write(knee: Capacity['knee']): void {
  const file = join(root, 'loadtests/capacity.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as Capacity;
  writeFileSync(file, `${JSON.stringify({ ...known, knee }, null, 2)}\n`);
}

/** Says what the settings of each environment have against the figure that is now in the file. */
function promises(): number {
  const problems = environments.flatMap((environment) => {
    try {
      loadSettings(environment);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  for (const problem of problems) console.log(problem);
  return problems.length === 0 ? 0 : 1;
}

function npm(script: string, args: readonly string[]): number | null {
  return spawnSync('npm', ['run', '--silent', script, '--', ...args], { cwd: root, stdio: 'inherit' }).status;
}
