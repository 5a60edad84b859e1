import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Caller, CouldNotCheck, command, shell } from '../../slo/command.ts';
import { format } from '../preview/format.ts';
import { readStack } from '../stack.ts';
import { compare, differences, report } from './compare.ts';
import { measure } from './measure.ts';
import { baselineFile, type Figure, figures, readBaseline } from './record.ts';

const help = `npm run baseline [-- options]

Measures the running stack (npm start) under a steady load below all limits: rate, errors, duration, rate-limit decisions
and CPU. The first run records docs/baseline.json with its context, and the dashboards show it as a line (generate:dashboards
follows); later runs compare with it, as ratios.

  --record         record again
  --seconds N      for how long to measure, 2 to 600; default 60
  --tolerance X    from which factor on a figure has moved; default 1.5
  --stack FILE     which stack; default .local/stack.json
  --file FILE      where the baseline is; default docs/baseline.json
  --help           this text

Exit: 0 recorded, or nothing is worse; 1 something is worse; 2 could not measure.
`;

/** The command. */
export const main = (caller: Caller): Promise<number> =>
  command(
    caller,
    {
      name: 'baseline',
      help,
      options: {
        record: { type: 'boolean', default: false },
        seconds: { type: 'string', default: '60' },
        tolerance: { type: 'string', default: '1.5' },
        stack: { type: 'string' },
        file: { type: 'string' },
      },
    },
    async (options) => {
      const seconds = Number(options.seconds);
      if (!(seconds >= 2 && seconds <= 600)) throw new CouldNotCheck('--seconds must be a number, 2 to 600');
      const tolerance = Number(options.tolerance);
      if (!(tolerance > 1)) throw new CouldNotCheck('--tolerance must be a number above 1');
      const stack = readStack(options.stack);
      if (!stack) throw new CouldNotCheck('no stack runs here; start it with npm start');
      const file = options.file === undefined ? baselineFile : pathToFileURL(options.file);
      const recorded = options.record ? null : readBaseline(file);
      const current = await measure(stack, seconds);
      if (!recorded) {
        writeFileSync(file, `${JSON.stringify(current, null, 2)}\n`);
        for (const [name, value] of Object.entries(current.figures)) {
          const { title, unit } = figures[name as Figure];
          caller.print(`${title.padEnd(26)} ${format(value, unit)}`);
        }
        return 0;
      }
      for (const difference of differences(recorded, current)) caller.print(`another context: ${difference}`);
      const moved = compare(recorded, current, tolerance);
      for (const line of report(moved)) caller.print(line);
      return moved.some(({ verdict }) => verdict === 'worse') ? 1 : 0;
    },
  );

if (import.meta.main) process.exitCode = await main(shell);
