import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { markers, objects } from '../../infra/render/objects.ts';
import { environments, loadSettings } from '../../infra/settings/index.ts';
import { command } from '../lib/command.ts';
import { clusterAccess, type Made } from './access.ts';

const usage = `npm run generate [-- --check]

Writes docs/generated/cluster-access.yaml: what the jobs of a roll-out may do in a cluster, from what the program makes.

  --check   write nothing; exit 1 when it is stale

Exit: 0 current or written, 1 stale, 2 wrong usage.`;

await command('generate:access', usage, (args) => {
  const { values } = parseArgs({ args, options: { check: { type: 'boolean' } } });
  const name = 'docs/generated/cluster-access.yaml';
  const file = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const made = environments.flatMap((environment) => objects(loadSettings(environment), markers));
  const { deployer, reader } = clusterAccess(made.map(({ object }) => object as Made));
  const head = '# Written by npm run generate; what for: docs/delivery.md.\n';
  const wanted = `${head}${[deployer, reader].map((one) => stringify(one)).join('---\n')}`;
  if (existsSync(file) && readFileSync(file, 'utf8') === wanted) return 0;
  console.log(`${values.check ? 'stale' : 'wrote'} ${name}`);
  if (values.check) return 1;
  writeFileSync(file, wanted);
  return 0;
});
