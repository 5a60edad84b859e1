import { fileURLToPath } from 'node:url';
import { basePorts } from '../../infra/local/layout.ts';
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

const signs: Record<Finding['state'], string> = { ok: 'ok  ', missing: 'MISS', note: '-   ' };

// Without commander, because the doctor must answer where the packages are not installed.
const [argument] = process.argv.slice(2).filter((word) => word !== 'doctor');
if (argument === undefined) process.exitCode = await doctor();
else {
  const isHelp = argument === '--help' || argument === '-h';
  console.log(
    isHelp
      ? 'Usage: simple378 doctor\n\nShows which programs are installed, which are missing, and how to get them.\nExit code 1 when a required one is missing.'
      : `simple378 doctor: unknown argument ${argument}; the command takes none`,
  );
  process.exitCode = isHelp ? 0 : 2;
}

async function doctor(): Promise<number> {
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
}
