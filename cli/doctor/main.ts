import { fileURLToPath } from 'node:url';
import { basePorts } from '../../infra/local/layout.ts';
import { command, noArguments } from '../lib/command.ts';
import {
  containerFinding,
  diskFinding,
  type Finding,
  k6Finding,
  nodeFinding,
  packagesFinding,
  portsFinding,
  serverFindings,
  toolFindings,
} from './checks.ts';

const usage = `npm run doctor

What is installed, what is missing, and what to do about it.

Exit: 0 everything that is required is there, 1 something is not.`;

const signs: Record<Finding['state'], string> = { ok: 'ok  ', missing: 'MISS', note: '-   ' };

await command('doctor', usage, async (args) => {
  noArguments(args);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const findings = [
    nodeFinding(process.version),
    packagesFinding(root),
    diskFinding(root),
    await portsFinding(Object.values(basePorts)),
    ...serverFindings(),
    containerFinding(),
    k6Finding(root),
    ...toolFindings(),
  ];
  for (const { name, state, detail, remedy } of findings) {
    console.log(`${signs[state]} ${name.padEnd(17)} ${detail}`);
    if (remedy !== undefined) console.log(`${' '.repeat(23)}→ ${remedy}`);
  }
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
});
