import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CouldNotCheck, command } from '../lib/command.ts';
import { currentDigest, pinning, referencesIn } from './registry.ts';

const usage = `npm run images:refresh [-- --check]

Asks the registries for the digests that the pinned tags have now, and writes them. Tags stay: Renovate raises those.

  --check   write nothing; exit 1 when a digest is not the newest of its tag

Exit: 0 all are current or written, 1 --check and some are not, 2 a registry did not answer.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('images:refresh', usage, async (args) => {
  const { values } = parseArgs({ args, options: { check: { type: 'boolean' } } });
  let stale = 0;
  const silent: string[] = [];
  for (const path of pinning.map((file) => join(root, file)).filter((file) => existsSync(file))) {
    let text = readFileSync(path, 'utf8');
    for (const reference of referencesIn(text)) {
      const name = `${reference.registry}/${reference.repository}:${reference.tag}`;
      try {
        const digest = await currentDigest(reference);
        if (digest === reference.digest) continue;
        stale++;
        console.log(`${name}: ${reference.digest} → ${digest}`);
        text = text.replaceAll(reference.digest, digest);
      } catch (error) {
        silent.push((error as Error).message);
      }
    }
    if (!values.check) writeFileSync(path, text);
  }
  if (silent.length > 0) throw new CouldNotCheck(silent.join('\n'));
  console.log(
    stale === 0
      ? 'every digest is the newest of its tag'
      : `${stale} ${values.check ? 'are not' : 'written'}`,
  );
  return values.check && stale > 0 ? 1 : 0;
});
