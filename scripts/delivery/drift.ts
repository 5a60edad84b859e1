import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CouldNotCheck, command } from '../lib/command.ts';
import { report } from '../lib/report.ts';
import { driftMarkdown, driftOf, type Preview } from './drift-report.ts';
import { pulumi } from './pulumi.ts';

const usage = `npm run drift -- <environment> [--out FILE]

Reads what runs, compares it with what the program says, and changes nothing.

  --out FILE   write the Markdown report there instead of to the terminal

Exit: 0 no drift, 1 drift, 2 could not compare.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('drift', usage, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { out: { type: 'string' } },
    allowPositionals: true,
  });
  const [environment, ...rest] = positionals;
  if (environment === undefined || rest.length > 0) throw new CouldNotCheck('name one environment');
  const preview = pulumi('preview', '--refresh', '--json', '--stack', environment);
  const drifts = driftOf(JSON.parse(preview) as Preview);
  report(driftMarkdown(environment, drifts), root, values.out);
  return drifts.length === 0 ? 0 : 1;
});
