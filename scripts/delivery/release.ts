import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isPinned } from '../../infra/images.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { pulumi } from './pulumi.ts';
import { runningImage, type State } from './running-image.ts';

const usage = `npm run release -- <environment> --remember | --image REFERENCE | --rollback

  --remember          note which image runs now, for a rollback
  --image REFERENCE   bring the environment up with this image, by digest
  --rollback          bring it up with the image that was noted

Exit: 0 done, 1 the environment did not come up, 2 could not.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('release', usage, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { remember: { type: 'boolean' }, image: { type: 'string' }, rollback: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [environment, ...rest] = positionals;
  const asked = [values.remember, values.image, values.rollback].filter((value) => value !== undefined);
  if (environment === undefined || rest.length > 0 || asked.length !== 1)
    throw new CouldNotCheck('name one environment, and one of --remember, --image, --rollback');
  const note = join(root, '.local', 'releases', `${environment}.json`);
  if (values.remember) {
    const image = runningImage(JSON.parse(pulumi('stack', 'export', '--stack', environment)) as State);
    mkdirSync(join(root, '.local', 'releases'), { recursive: true, mode: 0o700 });
    writeFileSync(note, JSON.stringify({ image }));
    console.log(image === null ? `${environment} runs nothing yet` : `${environment} runs ${image}`);
    return 0;
  }
  return up(environment, values.image ?? remembered(note, environment));
});

function remembered(note: string, environment: string): string {
  const image = existsSync(note)
    ? (JSON.parse(readFileSync(note, 'utf8')) as { image: string | null }).image
    : null;
  if (image === null)
    throw new CouldNotCheck(`no image of ${environment} was noted; there is nothing to go back to`);
  console.log(`back to ${image}`);
  return image;
}

function up(environment: string, image: string): number {
  if (!isPinned(image)) throw new CouldNotCheck(`${image} is no reference with a digest`);
  pulumi('config', 'set', '--stack', environment, '--path', 'simple378:app.image', image);
  const { status } = spawnSync('npm', ['run', 'up', '--', environment, '--yes'], {
    cwd: root,
    stdio: 'inherit',
  });
  return status === 0 ? 0 : 1;
}
