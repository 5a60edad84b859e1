import { parseArgs } from 'node:util';
import { spawnSync } from '../infra/programs/child-process.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const generators = [
  'cli/generate-openapi.ts',
  'cli/generate-log-events.ts',
  'infra/settings/generate.ts',
  'slo/generate.ts',
  'dashboards/generate.ts',
  'policies/generate.ts',
  'cli/delivery/generate-access.ts',
  'cli/docs/generate.ts',
];
for (const file of generators) {
  const { status } = spawnSync(process.execPath, [file, ...(values.check ? ['--check'] : [])], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = status ?? 2;
}
