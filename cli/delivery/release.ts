import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { pulumi } from '../../infra/pulumi.ts';
import { isPinned } from '../../infra/settings/images.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { setOutput } from '../lib/job.ts';
import { imageOfStack } from './running-image.ts';

const usage = `npx simple378 env release <environment> --remember | --runs REFERENCE | --image REFERENCE | --rollback

  --remember          note which image runs now, for a rollback; in a GitHub job it is the step's output "image"
  --runs REFERENCE    check that it is this one: another release may have come in between
  --image REFERENCE   bring the environment up with this image, by digest
  --rollback          bring it up with the image that was noted

Exit: 0 done, 1 the environment did not come up or runs another image, 2 could not.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('release', usage, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: {
      remember: { type: 'boolean' },
      runs: { type: 'string' },
      image: { type: 'string' },
      rollback: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const [environment, ...rest] = positionals;
  if (environment === undefined || rest.length > 0 || Object.keys(values).length !== 1)
    throw new CouldNotCheck('name one environment, and one of --remember, --runs, --image, --rollback');
  const note = join(root, '.local', 'releases', `${environment}.json`);
  if (values.remember) {
    const image = imageOfStack(environment);
    mkdirSync(join(root, '.local', 'releases'), { recursive: true, mode: 0o700 });
    writeFileSync(note, JSON.stringify({ image }));
    setOutput('image', image ?? '');
    console.log(`${environment} runs ${image ?? 'nothing yet'}`);
    return 0;
  }
  if (values.runs !== undefined) {
    const image = imageOfStack(environment);
    console.log(
      `${environment} runs ${image ?? 'nothing yet'}${image === values.runs ? '' : `, not ${values.runs}`}`,
    );
    return image === values.runs ? 0 : 1;
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
  pulumi(['config', 'set', '--stack', environment, '--path', 'simple378:app.image', image]);
  const { status } = spawnSync('npm', ['run', 'up', '--', environment, '--yes'], {
    cwd: root,
    stdio: 'inherit',
  });
  return status === 0 ? 0 : 1;
}
