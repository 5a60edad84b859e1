import { Command, Option } from 'commander';
import { objectives } from '../../slo/objectives/objectives.ts';
import { exits, integer, positive } from '../frame/command.ts';
import { passThrough } from '../frame/process.ts';
import { capacity } from './capacity.ts';

/** The commands that measure. */
export const benchCommands = (): Command[] => [
  passThrough('limiter', ['limiter/bench/main.ts']).description('compare the limiter with its peers'),
  passThrough('faults', ['limiter/faults/main.ts']).description(
    'compare the limiter with its peers while Redis fails; writes limiter/FAULTS.md',
  ),
  new Command('tracing')
    .description('measure the cost of a trace collector that fails (2 min on an idle machine)')
    .action(exits(async () => (await import('../../loadtests/bench/tracing.ts')).measureTracing())),
  new Command('memory')
    .description('measure the memory of Redis per user (30 s); writes loadtests/capacity.json')
    .action(exits(async () => (await import('../../loadtests/bench/memory.ts')).measureMemory())),
  capacity(),
  burnRate(),
];

function burnRate(): Command {
  const ids = objectives.map(({ id }) => id);
  return new Command('burn-rate')
    .description(
      'simulate when each burn-rate alert of an objective fires and resolves for a curve of errors',
    )
    .addOption(new Option('--objective <id>', 'the objective').choices(ids).default('api-availability'))
    .option(
      '--ratio <r>',
      'share of bad events, up to 1, after six healthy hours (default: 20 times the budget)',
      positive,
    )
    .option('--minutes <n>', 'for how long; two healthy hours follow', integer(1, 100_000), 120)
    .option('--rate <n>', 'events per second', positive, 10)
    .option(
      '--curve <list>',
      'segments minutes:ratio or minutes:ratio:rate instead, such as 360:0,30:0.05,120:0',
    )
    .option('--plot <file>', 'where to write the SVG (default: .local/slo-<objective>.svg)')
    .action(
      exits(async (options) => {
        const { simulateBurnRate } = await import('../../slo/simulate.ts');
        console.log(simulateBurnRate(options));
        return 0;
      }),
    );
}
