import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Capacity } from '../../loadtests/scenarios/capacity.ts';
import { CouldNotCheck, environmentNames, exits, integer } from '../frame/command.ts';
import { isStackRunning, withStack } from '../frame/local-stack.ts';
import { root, runCommand } from '../frame/process.ts';
import { write } from '../frame/verdict.ts';

type Knee = NonNullable<Capacity['knee']>;

/** `bench capacity` */
export function capacity(): Command {
  return new Command('capacity')
    .description(
      'find the highest request rate that keeps the objectives; writes loadtests/capacity.json and docs/capacity.md',
    )
    .option('--to <n>', 'highest rate tried, requests per second', integer(10, 100_000), 600)
    .option('--port-offset <n>', 'port offset of the stack', integer(0, 50_000), 0)
    .addHelpText(
      'after',
      '\nStarts the local stack without limits and runs the load test breakpoint. Needs k6, a machine without other work, and about\n3 minutes. Exit code 1 when an environment’s limits exceed the measured capacity.',
    )
    .action(
      exits(async ({ to, portOffset }: { to: number; portOffset: number }) => {
        if (await isStackRunning())
          throw new CouldNotCheck('a stack with limits runs; stop it with npm stop');
        const loadBefore = round(loadavg()[0] ?? 0);
        const options = [
          '--policies',
          'loadtests/policies/no-limits.json',
          '--port-offset',
          String(portOffset),
        ];
        const code = await withStack(options, () =>
          runCommand('verify', 'load', 'breakpoint', '--to', String(to)),
        );
        if (code !== 0) throw new CouldNotCheck('the load test did not hold, so nothing is written');
        const { knee, steps } = JSON.parse(
          readFileSync(join(root, 'reports/loadtest/knee.json'), 'utf8'),
        ) as { knee: number; steps: Knee['steps'] };
        if (steps.every(({ holds }) => holds))
          throw new CouldNotCheck(`every step up to ${to}/s holds; repeat with a higher --to`);
        writeKnee({
          replicas: 2,
          requestsPerSecond: knee,
          cores: availableParallelism(),
          cpu: cpus()[0]?.model ?? 'unknown',
          loadBefore,
          steps: steps.map((step) => ({ ...step, answered: round(step.answered), p95: round(step.p95) })),
        });
        await runCommand('generate');
        return checkSettings();
      }),
    );
}

const round = (value: number): number => Math.round(value * 10) / 10;

function writeKnee(knee: Knee): void {
  const file = join(root, 'loadtests/capacity.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as Capacity;
  write(file, `${JSON.stringify({ ...known, knee }, null, 2)}\n`);
}

/** Prints the settings that the new capacity refuses. @returns 1 when there are some */
async function checkSettings(): Promise<number> {
  const { loadSettings } = await import('../../infra/settings/index.ts');
  let code = 0;
  for (const environment of environmentNames)
    try {
      loadSettings(environment);
    } catch (error) {
      console.log((error as Error).message);
      code = 1;
    }
  return code;
}
