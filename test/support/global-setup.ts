import { delimiter, dirname } from 'node:path';
import { howToGet, resolve, type ServerName, servers } from '../../infra/local/binaries.ts';

/** What tests run for real; promtool comes with Prometheus. */
const used: readonly ServerName[] = ['redis', 'prometheus', 'alertmanager', 'exporter'];

/**
 * Runs once before all tests: finds the real servers they use, or unpacks them into the user's cache as `npm start`
 * does, and hands their paths on as `REDIS_SERVER`, `PROMETHEUS` and so on.
 */
export default async function setup(): Promise<void> {
  for (const name of used) {
    const found = await resolve(name, {
      environment: process.env,
      install: true,
      // Tests start the program itself: they have no use for an image.
      images: false,
      say: (text) => console.log(`  … ${text}`),
    });
    if (found === undefined) {
      if (servers[name].cost === undefined)
        throw new Error(`${name} is needed for the tests and not to be had here: ${howToGet(name)}`);
      console.log(`  – no ${name} here, tests that need it are skipped or fail (${howToGet(name)})`);
      continue;
    }
    const [program = ''] = found.command;
    process.env[variable(name)] = program;
    // Its companions, such as promtool and redis-cli, lie beside it; the libraries of several packages add up.
    append('PATH', dirname(program));
    for (const [key, value] of Object.entries(found.env)) append(key, value);
  }
}

const variable = (name: ServerName): string => (name === 'redis' ? 'REDIS_SERVER' : name.toUpperCase());

function append(key: string, value: string): void {
  const known = (process.env[key] ?? '').split(delimiter).filter(Boolean);
  const more = value.split(delimiter).filter((entry) => !known.includes(entry));
  process.env[key] = [...known, ...more].join(delimiter);
}
