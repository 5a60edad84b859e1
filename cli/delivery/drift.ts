import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pulumi, takingBack } from '../../infra/pulumi.ts';
import { writeStackSettings } from '../../infra/settings/index.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { report } from '../lib/report.ts';
import { driftMarkdown, driftOf, type Preview } from './drift-report.ts';
import { imageOfStack } from './running-image.ts';

const usage = `npx simple378 env drift <environment> [--out FILE]

Reads what runs, compares it with what the program says, and changes nothing. The image is taken to be the one that was
released last: releases set it, and no file of the repository names it.

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
  const image = imageOfStack(environment);
  const drifts = driftOf(JSON.parse(preview(environment, image)) as Preview);
  report(driftMarkdown(environment, drifts), root, values.out);
  return drifts.length === 0 ? 0 : 1;
});

/** What an up with this image would do, as JSON. The environment's file is read, and stays as it is. */
function preview(environment: string, image: string | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'simple378-drift-'));
  try {
    const name = `Pulumi.${environment}.yaml`;
    const file = join(folder, name);
    copyFileSync(join(root, name), file);
    if (image !== null) writeStackSettings(file, environment, { 'app.image': image });
    const args = ['preview', '--refresh', '--json', '--stack', environment, '--config-file', file];
    return pulumi(args, '', takingBack);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
