import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readStackFile } from '../../infra/local/stack-file.ts';
import { seconds } from '../../slo/index.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { burning, line } from './burning.ts';
import { knowsObjectives, now, past } from './prometheus.ts';

const usage = `npm run watch [-- --for 30m | --past 24h] [options]

Reads the burn rates of all objectives from Prometheus, and ends with 1 as soon as one burns.

  --for DURATION     watch for so long (default 30m); ends at once when something burns
  --past DURATION    look back instead, and end
  --prometheus URL   default: the local stack's
  --environment ENV  default: local

Exit: 0 nothing burned, 1 something did, 2 could not check.`;

/** Half of how often the rules record, in milliseconds. */
const pause = 15_000;
/** Polls without an answer before giving up. */
const patience = 4;

await command('watch', usage, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      for: { type: 'string', default: '30m' },
      past: { type: 'string' },
      prometheus: { type: 'string' },
      environment: { type: 'string', default: 'local' },
    },
  });
  const prometheus = (values.prometheus ?? localPrometheus()).replace(/\/$/, '');
  if (!(await knowsObjectives(prometheus, values.environment)))
    throw new CouldNotCheck(
      `${prometheus} records no objectives of ${values.environment}; does it load the rules?`,
    );
  return values.past === undefined
    ? watch(prometheus, values.environment, seconds(values.for))
    : lookBack(prometheus, values.environment, seconds(values.past));
});

async function watch(prometheus: string, environment: string, duration: number): Promise<number> {
  const started = Date.now();
  console.log(`watching ${environment} for ${duration} s`);
  for (let failed = 0; ; ) {
    try {
      const found = burning(await now(prometheus, environment));
      for (const one of found) console.log(line(one));
      if (found.length > 0) return 1;
      failed = 0;
    } catch (error) {
      if (++failed > patience) throw error;
      console.log((error as Error).message);
    }
    if (Date.now() - started >= duration * 1000) break;
    await setTimeout(Math.min(pause, Math.max(0, started + duration * 1000 - Date.now())));
  }
  console.log('nothing burned');
  return 0;
}

async function lookBack(prometheus: string, environment: string, duration: number): Promise<number> {
  for (const [at, moment] of await past(prometheus, environment, duration)) {
    const found = burning(moment);
    for (const one of found) console.log(`${new Date(at * 1000).toISOString()} ${line(one)}`);
    if (found.length > 0) return 1;
  }
  console.log(`nothing burned in the last ${duration} s`);
  return 0;
}

function localPrometheus(): string {
  const prometheus = readStackFile()?.prometheus;
  if (!prometheus) throw new CouldNotCheck('no local stack with Prometheus runs; name --prometheus');
  return prometheus;
}
