import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { changesOf } from '../settings/changes.ts';
import { loadSettings } from '../settings/index.ts';
import { environmentCommand, reach } from './command.ts';
import { download, listBackups, restore, upload } from './restore.ts';

const help = `Usage: npx simple378 env restore <environment> [file] [options]

Puts a copy of Redis in the place of its data. Without a file it lists the copies. Redis is stopped meanwhile: the service
answers 503 on data. What was there stays on the volume as before-restore-<time>.

  --yes             do it; without it, it only says what it would do
  --download PATH   bring the copy to this machine instead
  --upload PATH     put a file of this machine, which must end in .rdb, among the copies instead
  --set KEY=VALUE   the settings the environment runs with, where they differ; may be repeated
  --help

Exit codes: 0 done, 1 it failed, 2 no cluster, no such copy or wrong usage, 78 bad settings.`;

const options = {
  download: { type: 'string' },
  upload: { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const;

process.exitCode = await environmentCommand('restore', help, options, async (values, positionals) => {
  const [environment, file, ...more] = positionals;
  if (!environment || more.length > 0) throw new Error('name an environment and a file; --help shows how');
  const settings = loadSettings(environment, changesOf(values.set));
  if (settings.redis.mode === 'external' || !settings.redis.backup.enabled)
    throw new Error(
      `${environment} has no copies: redis.mode is ${settings.redis.mode}, redis.backup.enabled ${settings.redis.backup.enabled}`,
    );
  const kubectl = await reach(settings);
  if (values.upload !== undefined) {
    const name = nameOf(values.upload);
    await upload(kubectl, settings, values.upload, name);
    console.log(`restore: ${name} is among the copies of ${environment}`);
    return 0;
  }
  const copies = await listBackups(kubectl, settings);
  if (!file) {
    for (const copy of copies) console.log(copy);
    return 0;
  }
  if (!copies.includes(file))
    throw new Error(`there is no ${file}; there are ${copies.join(', ') || 'none'}`);
  if (values.download !== undefined) {
    await download(kubectl, settings, file, values.download);
    console.log(`restore: ${file} of ${environment} is in ${values.download}`);
    return 0;
  }
  if (!values.yes) {
    console.log(`restore: would stop Redis of ${environment} and put ${file} in its place; --yes does it`);
    return 0;
  }
  try {
    await restore(kubectl, settings, file, (line) => console.log(`restore: ${line}`));
  } catch (error) {
    console.error(`restore: ${(error as Error).message}`);
    return 1;
  }
  console.log(`restore: ${environment} runs on ${file}`);
  return 0;
});

/** A file's name as that of a copy: it becomes a part of a shell command. @throws Error when it cannot be one */
function nameOf(path: string): string {
  const name = basename(path);
  if (!/^[\w.-]+\.rdb$/.test(name))
    throw new Error(`--upload ${path}: its name is not letters, digits, - and . before .rdb`);
  if (!existsSync(path)) throw new Error(`--upload ${path}: there is no such file`);
  return name;
}
