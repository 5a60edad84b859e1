import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readStackFile } from '../../infra/local/stack-file.ts';
import { seconds } from '../../slo/index.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { burning, line, tooFew } from './burning.ts';
import { holes } from './holes.ts';
import { now, past } from './prometheus.ts';

const usage = `npx simple378 verify error-budgets [--for 30m | --past 24h] [options]

Reads the burn rates of all objectives from Prometheus, and ends with 1 as soon as one burns.

  --for DURATION     watch for so long (default 30m); ends at once when something burns
  --past DURATION    look back instead, and end
  --prometheus URL   default: the local stack's
  --environment ENV  default: local

Exit: 0 nothing burned, 1 something did, 2 could not check: no Prometheus, no samples, or of every objective too few
requests to judge.`;

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
  return values.past === undefined
    ? watch(prometheus, values.environment, seconds(values.for))
    : lookBack(prometheus, values.environment, seconds(values.past));
});

async function watch(prometheus: string, environment: string, duration: number): Promise<number> {
  const started = Date.now();
  // What is missing from the start is not waited for.
  let moment = await now(prometheus, environment);
  let few = tooFew(moment);
  console.log(`watching ${environment} for ${duration} s`);
  for (let failed = 0; ; ) {
    const found = burning(moment);
    for (const one of found) console.log(line(one));
    if (found.length > 0) return 1;
    if (few !== null) few = tooFew(moment);
    if (Date.now() - started >= duration * 1000) break;
    await setTimeout(Math.min(pause, Math.max(0, started + duration * 1000 - Date.now())));
    try {
      moment = await now(prometheus, environment);
      failed = 0;
    } catch (error) {
      if (++failed > patience) throw error;
      console.log((error as Error).message);
    }
  }
  if (few !== null) throw nothingToJudge(few, environment);
  console.log('nothing burned');
  return 0;
}

async function lookBack(prometheus: string, environment: string, duration: number): Promise<number> {
  const end = Math.floor(Date.now() / 1000);
  const period = { start: end - duration, end, step: Math.max(30, Math.ceil(duration / 2_000)) };
  const { moments, recorded } = await past(prometheus, environment, period);
  let few: string | null = 'no events at all';
  for (const [at, moment] of moments) {
    const found = burning(moment);
    for (const one of found) console.log(`${time(at)} ${line(one)}`);
    if (found.length > 0) return 1;
    if (few !== null) few = tooFew(moment);
  }
  const unknown = holes(recorded, period).map(([from, to]) => `${time(from)} to ${time(to)}`);
  if (unknown.length > 0)
    throw new CouldNotCheck(
      `${prometheus} recorded no objectives of ${environment} from ${unknown.join(', ')}: what burned then is unknown; ` +
        'find out why, and look back over the time since: --past DURATION',
    );
  if (few !== null) throw nothingToJudge(few, environment);
  console.log(`nothing burned in the last ${duration} s`);
  return 0;
}

function nothingToJudge(few: string, environment: string): CouldNotCheck {
  const command = environment === 'local' ? 'loadtest -- mixed' : `gate -- ${environment} mixed`;
  return new CouldNotCheck(
    `nothing to judge, of every objective too few requests (${few}); make some meanwhile: npm run ${command}`,
  );
}

function time(at: number): string {
  return new Date(at * 1000).toISOString();
}

function localPrometheus(): string {
  const prometheus = readStackFile()?.prometheus;
  if (!prometheus) throw new CouldNotCheck('no local stack with Prometheus runs; name --prometheus');
  return prometheus;
}
