import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { spawn } from '../../infra/programs/child-process.ts';
import type { Check } from './checks.ts';

const verifier = fileURLToPath(new URL('../../policies/verify/main.ts', import.meta.url));

/** The security checklist from outside, as the gate of a roll-out asks it. */
export const securityCheck: Check = {
  name: 'security-verify at the edge: every check holds',
  async run({ folder, settings, material, address }) {
    const { address: host, port } = await address();
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content, { mode: 0o600 });
      return join(folder, name);
    };
    const users = settings.app.users.map((user) => ({
      ...user,
      password: material.values[`password/user/${user.email}`],
    }));
    const args = [
      ...['--target', `https://${settings.edge.host}`, '--connect', `${host}:${port}`],
      ...['--ca', file('ca.crt', material.certificates.authority?.crt ?? '')],
      ...['--users', file('users.json', JSON.stringify(users))],
      ...['--profile', 'house', '--behind-edge'],
    ];
    const child = spawn(process.execPath, [verifier, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [report, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    const lines = report.trim().split('\n');
    if (code !== 0)
      throw new Error(`exit code ${code}: ${lines.filter((line) => !/^ok|^skip/.test(line)).join('; ')}`);
    return lines.at(-1) ?? '';
  },
};
