import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Command } from 'commander';
import type { Kubectl } from '../../infra/cluster/kubectl.ts';
import type { Settings } from '../../infra/settings/index.ts';
import { CouldNotCheck, exits, stack, withSet } from '../frame/command.ts';

interface Options {
  readonly yes: boolean;
  readonly download?: string;
  readonly upload?: string;
  readonly set: readonly string[];
}

/** `env restore`: lists backups of Redis, moves them, and restores one. */
export function restore(): Command {
  const command = new Command('restore')
    .description('restore the Redis data of an environment from a backup; without a file, list the backups')
    .addArgument(stack())
    .argument('[file]', 'a backup from the list')
    .option('--yes', 'restore; without it, the command only prints the plan', false)
    .option('--download <path>', 'copy the backup to this machine instead')
    .option('--upload <path>', 'copy a file of this machine, which must end in .rdb, to the backups instead')
    .addHelpText(
      'after',
      '\nRedis is stopped meanwhile, and the service answers 503 where it needs data. The data that was there stays on the volume\nas before-restore-<time>.',
    );
  return withSet(command).action(
    exits(async (name: string, file: string | undefined, options: Options) => {
      const { loadSettings } = await import('../../infra/settings/index.ts');
      const { changesOf } = await import('../../infra/settings/changes.ts');
      const { reach } = await import('../../infra/cluster/reach.ts');
      const settings = loadSettings(name, changesOf(options.set));
      const { mode, backup } = settings.redis;
      if (mode === 'external' || !backup.enabled)
        throw new CouldNotCheck(
          `${name} has no backups: redis.mode is ${mode} and redis.backup.enabled is ${backup.enabled}`,
        );
      return run(await reach(settings), settings, file, options);
    }),
  );
}

async function run(
  kubectl: Kubectl,
  settings: Settings,
  file: string | undefined,
  { yes, download, upload }: Options,
): Promise<number> {
  const backups = await import('../../infra/cluster/restore.ts');
  const { environment } = settings;
  if (upload !== undefined) {
    const name = nameOf(upload);
    await backups.upload(kubectl, settings, upload, name);
    console.log(`${name} is among the backups of ${environment}`);
    return 0;
  }
  const names = await backups.listBackups(kubectl, settings);
  if (file === undefined) {
    for (const one of names) console.log(one);
    return 0;
  }
  if (!names.includes(file))
    throw new CouldNotCheck(`there is no backup ${file}; the backups are ${names.join(', ') || 'none'}`);
  if (download !== undefined) {
    await backups.download(kubectl, settings, file, download);
    console.log(`${file} of ${environment} is in ${download}`);
    return 0;
  }
  if (!yes) {
    console.log(`would stop Redis of ${environment} and replace its data with ${file}; add --yes to do it`);
    return 0;
  }
  try {
    await backups.restore(kubectl, settings, file, (line) => console.log(line));
  } catch (error) {
    console.error(`${environment} was not restored: ${(error as Error).message}`);
    return 1;
  }
  console.log(`${environment} runs on ${file}`);
  return 0;
}

/** The name of an uploaded backup. It becomes part of a shell command, so only plain characters are allowed. */
function nameOf(path: string): string {
  const name = basename(path);
  if (!/^[\w.-]+\.rdb$/.test(name))
    throw new CouldNotCheck(
      `--upload ${path}: the file name must be letters, digits, - and ., and end in .rdb`,
    );
  if (!existsSync(path)) throw new CouldNotCheck(`--upload ${path}: the file does not exist`);
  return name;
}
