import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { failures, render } from './report.ts';
import { type Result, runFault } from './run.ts';
import { faults } from './scenarios.ts';

const help = `npx simple378 bench faults [options]

Breaks a real Redis under the limiter and its peers in each known way, and writes limiter/FAULTS.md.

  --only TEXT   the faults whose name contains TEXT; writes nothing
  --json FILE   all figures as JSON

Exit: 0 ours held, 1 it did not, 2 could not check or wrong usage.`;

const document = fileURLToPath(new URL('../FAULTS.md', import.meta.url));
const options = {
  only: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) console.log(help);
  else process.exitCode = await main(values.only, values.json);
} catch (error) {
  console.error(`faults: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
// The peers keep timers and reconnecting clients that nothing closes.
process.exit();

async function main(only: string | undefined, json: string | undefined): Promise<number> {
  const chosen = faults.filter(({ name }) => name.includes(only ?? ''));
  if (chosen.length === 0) throw new Error(`no fault is named like ${JSON.stringify(only)}`);
  const results: Result[] = [];
  for (const fault of chosen) {
    console.log(fault.name);
    const found = await runFault(fault);
    for (const { contender, addedP99, errors, overAdmitted, recovery } of found)
      console.log(
        `  ${contender.padEnd(22)} +${addedP99.toFixed(0)} ms p99, ${errors} errors, ${overAdmitted} over, ${recovery?.toFixed(2) ?? 'no recovery within 8'} s`,
      );
    results.push(...found);
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (only === undefined) writeFileSync(document, render(results, versions()));
  const broken = failures(results);
  for (const line of broken) console.log(`does not hold: ${line}`);
  return broken.length === 0 ? 0 : 1;
}

function versions(): Record<string, string> {
  const of = (name: string): string => {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  };
  const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return {
    Node: process.versions.node,
    Redis: /v=(\S+)/.exec(redis.stdout)?.[1] ?? 'unknown',
    ...Object.fromEntries(
      ['ioredis', 'rate-limiter-flexible', '@fastify/rate-limit'].map((name) => [name, of(name)]),
    ),
  };
}
