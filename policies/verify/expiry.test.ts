import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sabotage } from '../mutants/proxy.ts';
import { type RunningVictim, startVictim } from '../mutants/victim.ts';
import { checks } from './checks/index.ts';
import { exitCode } from './report.ts';
import { verify } from './run.ts';

let victim: RunningVictim;
beforeAll(async () => {
  victim = await startVictim();
});
afterAll(() => victim.stop());

const expiry = checks.filter(({ id }) => id === 'tls-expiry');

test.each([
  ['ends today', 0.2],
  ['ended yesterday', -0.5],
])('a certificate that %s is found out, exit 1', async (_what, days) => {
  const { certificate, key } = await victim.backing.authority.issue(days);
  const proxied = await sabotage(victim.api, { cert: certificate, key }, {});
  try {
    // The check of TLS 1.3 meets an ended certificate first; either is a violation.
    const also = checks.filter(({ id }) => id === 'tls-tls-1-3');
    const results = await verify(
      { target: proxied.target, users: [], operations: [] },
      days > 0 ? expiry : also,
    );
    expect(results.map(({ status }) => status)).toEqual(['fail']);
    expect(exitCode(results)).toBe(1);
  } finally {
    await proxied.stop();
  }
});

test('one with all its life before it passes', async () => {
  const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(victim.tlsDir, file), 'utf8'));
  const proxied = await sabotage(victim.api, { cert: cert ?? '', key: key ?? '' }, {});
  try {
    const [result] = await verify({ target: proxied.target, users: [], operations: [] }, expiry);
    expect(result?.status).toBe('pass');
  } finally {
    await proxied.stop();
  }
});
