import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { CouldNotCheck, exits, stack } from '../frame/command.ts';
import { root, runCommand } from '../frame/process.ts';
import { imageOfStack } from '../rollout/running-image.ts';
import { setOutput } from '../rollout/workflow.ts';

/** `env release`: one step of a roll-out. */
export function release(): Command {
  return new Command('release')
    .description(
      'bring an environment up with an image, or roll it back; exactly one of the options is needed',
    )
    .addArgument(stack())
    .option(
      '--remember',
      'write down the running image for a rollback; in a workflow, set the output "image"',
    )
    .option('--runs <reference>', 'check that this image still runs and no other release replaced it')
    .option('--image <reference>', 'bring the environment up with this image, by digest')
    .option('--rollback', 'bring the environment up with the image that was written down')
    .action(
      exits(async (environment: string, options: Options) => {
        if (Object.keys(options).length !== 1)
          throw new CouldNotCheck('add exactly one of --remember, --runs, --image and --rollback');
        return run(environment, options);
      }),
    );
}

interface Options {
  readonly remember?: boolean;
  readonly runs?: string;
  readonly image?: string;
  readonly rollback?: boolean;
}

async function run(environment: string, { remember, runs, image }: Options): Promise<number> {
  const folder = join(root, '.local', 'releases');
  const note = join(folder, `${environment}.json`);
  if (remember) {
    const running = imageOfStack(environment);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(note, JSON.stringify({ image: running }));
    setOutput('image', running ?? '');
    console.log(`${environment} runs ${running ?? 'no image yet'}`);
    return 0;
  }
  if (runs !== undefined) {
    const running = imageOfStack(environment);
    console.log(`${environment} runs ${running ?? 'no image yet'}${running === runs ? '' : `, not ${runs}`}`);
    return running === runs ? 0 : 1;
  }
  return bringUp(environment, image ?? remembered(note, environment));
}

function remembered(note: string, environment: string): string {
  const { image } = existsSync(note)
    ? (JSON.parse(readFileSync(note, 'utf8')) as { image: string | null })
    : { image: null };
  if (image === null)
    throw new CouldNotCheck(`no image of ${environment} was written down, so there is nothing to go back to`);
  console.log(`rolling back to ${image}`);
  return image;
}

async function bringUp(environment: string, image: string): Promise<number> {
  const { isPinned } = await import('../../infra/settings/images.ts');
  const { pulumi } = await import('../../infra/pulumi.ts');
  if (!isPinned(image))
    throw new CouldNotCheck(`${image} is not a reference with a digest (name:tag@sha256:…)`);
  pulumi(['config', 'set', '--stack', environment, '--path', 'simple378:app.image', image]);
  return (await runCommand('env', 'up', environment, '--yes')) === 0 ? 0 : 1;
}
