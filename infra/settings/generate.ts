import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connections } from '../network/connections.ts';
import { diagram } from '../network/diagram.ts';
import { configurationSchema, settingsDocument } from './document.ts';
import { loadSettings } from './load.ts';

const help = `Usage: npm run generate [-- --check]

Writes docs/settings.md, the JSON schema of Pulumi.<env>.yaml and the diagram of connections from their sources.

Exit codes: 0 done, 1 --check found a stale file, 2 wrong usage.`;

/** What is generated, by its path in the repository. */
export function generated(): Record<string, string> {
  return {
    'docs/settings.md': settingsDocument(),
    'docs/generated/pulumi-config.schema.json': `${JSON.stringify(configurationSchema(), null, 2)}\n`,
    'docs/generated/connections.mmd': diagram(connections(loadSettings('prod'))),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));

/** The command. */
export function main(argv: readonly string[]): number {
  try {
    const options = {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    } as const;
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      console.log(help);
      return 0;
    }
    return write(values.check);
  } catch (error) {
    console.error(`generate:settings: ${(error as Error).message}`);
    return 2;
  }
}

function write(check: boolean): number {
  const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const stale = Object.entries(generated()).filter(
    ([file, content]) => !existsSync(path(file)) || readFileSync(path(file), 'utf8') !== content,
  );
  for (const [file, content] of check ? [] : stale) {
    mkdirSync(dirname(path(file)), { recursive: true });
    writeFileSync(path(file), content);
  }
  if (check) for (const [file] of stale) console.error(`${file} is stale: npm run generate`);
  return check && stale.length > 0 ? 1 : 0;
}
