import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { burning, line, tooFew } from '../error-budgets/burning.ts';
import { gaps } from '../error-budgets/gaps.ts';
import { readNow, readPast } from '../error-budgets/recorded.ts';
import { CouldNotCheck, duration, exits } from '../frame/command.ts';

/** Half of the interval at which the rules record, in milliseconds. */
const pollIntervalMs = 15_000;
/** Polls without an answer before the command gives up. */
const maxFailedPolls = 4;

interface Options {
  readonly for: number;
  readonly past?: number;
  readonly prometheus?: string;
  readonly environment: string;
}

/** `verify error-budgets`: reads the burn rates of all objectives. */
export function errorBudgets(): Command {
  return new Command('error-budgets')
    .description('watch the burn rates of all objectives; exit code 1 as soon as one is too high')
    .option('--for <duration>', 'watch for this long', duration, 1_800)
    .option('--past <duration>', 'look back over this time instead', duration)
    .option('--prometheus <url>', 'address of the Prometheus (default: the local stack)')
    .option('--environment <name>', 'the environment', 'local')
    .addHelpText(
      'after',
      '\nExit code 2 without a Prometheus, without samples, or when every objective had too few requests to judge.',
    )
    .action(
      exits(async ({ prometheus, environment, past, for: seconds }: Options) => {
        const address = prometheus ?? (await localPrometheus());
        return past === undefined
          ? watch(address, environment, seconds)
          : lookBack(address, environment, past);
      }),
    );
}

async function watch(prometheus: string, environment: string, seconds: number): Promise<number> {
  const end = Date.now() + seconds * 1000;
  let moment = await readNow(prometheus, environment);
  let few = tooFew(moment);
  console.log(`watching ${environment} for ${seconds} s`);
  for (let failed = 0; ; ) {
    const found = burning(moment);
    for (const one of found) console.log(line(one));
    if (found.length > 0) return 1;
    if (few !== null) few = tooFew(moment);
    if (Date.now() >= end) break;
    await setTimeout(Math.min(pollIntervalMs, Math.max(0, end - Date.now())));
    try {
      moment = await readNow(prometheus, environment);
      failed = 0;
    } catch (error) {
      if (++failed > maxFailedPolls) throw error;
      console.log((error as Error).message);
    }
  }
  if (few !== null) throw nothingToJudge(few, environment);
  console.log('no error budget burned too fast');
  return 0;
}

async function lookBack(prometheus: string, environment: string, seconds: number): Promise<number> {
  const end = Math.floor(Date.now() / 1000);
  const range = { start: end - seconds, end, step: Math.max(30, Math.ceil(seconds / 2_000)) };
  const { moments, recorded } = await readPast(prometheus, environment, range);
  let few: string | null = 'no events at all';
  for (const [at, moment] of moments) {
    const found = burning(moment);
    for (const one of found) console.log(`${time(at)} ${line(one)}`);
    if (found.length > 0) return 1;
    if (few !== null) few = tooFew(moment);
  }
  const unknown = gaps(recorded, range).map(([from, to]) => `${time(from)} to ${time(to)}`);
  if (unknown.length > 0)
    throw new CouldNotCheck(
      `${prometheus} recorded no objectives of ${environment} from ${unknown.join(', ')}; find the cause, then look back over ` +
        'the time since with --past DURATION',
    );
  if (few !== null) throw nothingToJudge(few, environment);
  console.log(`no error budget burned too fast in the last ${seconds} s`);
  return 0;
}

function nothingToJudge(few: string, environment: string): CouldNotCheck {
  const command = environment === 'local' ? 'verify load mixed' : `env gate ${environment} mixed`;
  return new CouldNotCheck(
    `every objective has too few requests to judge (${few}); send some meanwhile: npx simple378 ${command}`,
  );
}

const time = (seconds: number): string => new Date(seconds * 1000).toISOString();

async function localPrometheus(): Promise<string> {
  const { readStackFile } = await import('../../infra/local/stack-file.ts');
  const prometheus = readStackFile()?.prometheus;
  if (!prometheus)
    throw new CouldNotCheck(
      'no local stack with Prometheus runs; start it with npm start, or add --prometheus URL',
    );
  return prometheus;
}
