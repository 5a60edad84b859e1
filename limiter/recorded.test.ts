import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Policy } from '../contract/policies.ts';
import { startRedis } from '../test/support/redis.ts';
import { createRateLimiter } from './index.ts';
import { connectForTest } from './testing/servers.ts';

const policy = (name: string, scope: Policy['scope'], quota: number): Policy => ({
  name,
  scope,
  quota,
  windowSeconds: 60,
  cost: 1,
  onStoreError: 'local',
  mode: 'enforce',
});
const policies = [
  policy('default', 'user', 100),
  policy('intensive', 'user', 200),
  policy('login', 'account', 10),
  policy('login-address', 'ip', 30),
  policy('login-endpoint', 'endpoint', 600),
  policy('address', 'ip', 6_000),
  policy('global', 'global', 60_000),
];
const classes = [['default'], ['default'], ['intensive'], ['login', 'login-address', 'login-endpoint'], []];
const recorded: string[] = JSON.parse(
  readFileSync(new URL('testing/recorded-decisions.json', import.meta.url), 'utf8'),
);

// Recorded from release 0.1.0: 400 seeded bursts of requests, with a clock that the test sets.
test('decides like the recorded release, number for number', async () => {
  const server = await startRedis();
  const redis = await connectForTest(server.port);
  try {
    expect(await replay(redis)).toEqual(recorded);
  } finally {
    redis.disconnect();
    await server.stop();
  }
}, 60_000);

async function replay(redis: Redis): Promise<string[]> {
  const define = redis.defineCommand.bind(redis);
  redis.defineCommand = (name, { lua = '', ...rest }) =>
    define(name, {
      ...rest,
      lua: lua.replace('tonumber(ARGV[2])', "tonumber(redis.call('GET', 'test:clock'))"),
    });
  const limiter = createRateLimiter({ redis, policies, deadlineMs: 5_000, denyCache: 0 });
  let state = 378;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let now = 1_800_000_000_000;
  const lines: string[] = [];
  for (let step = 0; step < 400; step++) {
    now += random(12) === 0 ? random(70_000) : random(900);
    await redis.set('test:clock', now);
    const names = ['address', 'global', ...(classes[random(classes.length)] as string[])];
    const ip = ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1'][random(3)] as string;
    const hasUser = names.includes('default') || names.includes('intensive');
    const subject = {
      ip,
      ...(hasUser ? { userId: `user-${random(3)}` } : {}),
      account: `account-${random(2)}`,
      endpoint: '/login',
    };
    const count = 1 + random(25);
    let admitted = 0;
    let last = await limiter.check(subject, names);
    if (last.outcome === 'allow') admitted++;
    for (let i = 1; i < count; i++) {
      last = await limiter.check(subject, names);
      if (last.outcome === 'allow') admitted++;
    }
    const rules = last.rules.map(
      ({ policy, limit, remaining, resetAt, nextAt, waitMs }) =>
        `${policy} ${remaining}/${limit} ${resetAt - now} ${nextAt - now} ${waitMs}`,
    );
    const { outcome, tightest, retryAfterMs, violated } = last;
    lines.push(
      `${admitted}/${count} ${outcome} ${tightest?.policy} ${retryAfterMs} [${violated}] ${rules.join('; ')}`,
    );
  }
  return lines;
}
