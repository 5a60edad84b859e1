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

/**
 * Prints which programs are installed, and how to get the others. It imports no package and no commander, because it must
 * answer where the packages cannot be installed.
 * @param missing folders of packages that this checkout lacks
 * @returns the exit code: 1 when a required program or package is missing
 */
export async function doctor(
  args: readonly string[],
  missing: (root: string) => readonly string[],
): Promise<number> {
  const [argument] = args;
  if (argument === '--help' || argument === '-h') {
    console.log('Usage: simple378 doctor\n\nShows which programs are installed, and how to get the others.');
    return 0;
  }
  if (argument !== undefined) {
    console.error(`simple378 doctor: unknown argument ${argument}; the command takes none`);
    return 2;
  }
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const findings = [
    nodeFinding(process.version),
    packagesFinding(missing(root)),
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
