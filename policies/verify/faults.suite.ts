import { afterAll, beforeAll, expect, test } from 'vitest';
import type { User } from './check.ts';
import { checks } from './checks/index.ts';
import { parseJson, send } from './client.ts';
import { quotas } from './expected.ts';
import { type Tokens, type Weakness, weaknesses } from './fixtures/faults.ts';
import { type RunningService, startRunningService } from './fixtures/running-service.ts';
import { loginRequest, type Options, verify } from './run.ts';

/** The real service behind a proxy that breaks one thing: the check of that thing must turn red. */

let running: RunningService;
beforeAll(async () => {
  running = await startRunningService();
});
afterAll(() => running.stop());

/** Checks whose subject no proxy can change: time-outs, ports, certificates, and servers beside the service. */
const elsewhere =
  /^(headers-slow-|tls-(port-|certificate|expiry|no-anonymous|no-ciphers)|backends-|origins-allowed|rbac-declared)/;

test('every check has a weakness that it must find', () => {
  const broken = new Set(Object.values(weaknesses).map(({ check }) => check));
  expect(checks.map(({ id }) => id).filter((id) => !broken.has(id) && !elsewhere.test(id))).toEqual([]);
});

test('the proxies without a fault are green', async () => {
  const proxies = await running.startProxies('127.0.2.1');
  const names = new Set(Object.values(weaknesses).map(({ check }) => check));
  try {
    const options = await optionsFor(proxies.targets, await running.freshUsers());
    const results = await verify(
      options,
      checks.filter(({ id }) => names.has(id)),
    );
    expect(
      results
        .filter(({ status }) => status !== 'pass')
        .map(({ check, observed }) => `${check.id}: ${observed}`),
    ).toEqual([]);
  } finally {
    await proxies.stop();
  }
}, 120_000);

test.concurrent.each(Object.entries(weaknesses).map(([name, one], index) => [name, one, index + 1] as const))(
  '%s',
  async (_name, { check: id, listener, fault }: Weakness, number) => {
    const users = await running.freshUsers();
    const direct = await running.startProxies(`127.0.3.${number}`);
    const tokens =
      typeof fault === 'function' ? await tokensOf(direct.targets.target, users) : ({} as Tokens);
    await direct.stop();
    // Limits per address outlive a test, hence an address of loopback for each.
    const faults = { [listener ?? 'api']: typeof fault === 'function' ? fault(tokens) : fault };
    const proxies = await running.startProxies(`127.0.1.${number}`, faults);
    try {
      const options = await optionsFor(proxies.targets, users);
      const [result] = await verify(
        { ...options, waitMs: 0 },
        checks.filter((check) => check.id === id),
      );
      expect(`${result?.status}: ${result?.observed}`).toMatch(/^fail: /);
    } finally {
      await proxies.stop();
    }
  },
  90_000,
);

async function optionsFor(
  targets: Pick<Options, 'target' | 'plain' | 'internal'>,
  users: readonly User[],
): Promise<Options> {
  return { ...targets, users, operations: running.operations, quotas };
}

async function tokensOf(target: Options['target'], users: readonly User[]): Promise<Tokens> {
  const tokens: string[] = [];
  for (const { email, password } of users) {
    const answer = await send(target, loginRequest(email, password));
    tokens.push(String(parseJson(answer)?.accessToken));
  }
  const [reader = '', caseworker = '', other = '', admin = ''] = tokens;
  return { reader, caseworker, other, admin };
}
