import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultPolicies, type Policy } from '../contract/policies.ts';
import { InvalidPolicies, validatePolicies } from '../contract/validate-policies.ts';
import { Batcher } from './batcher.ts';
import { Breaker } from './breaker.ts';
import { Deadlines } from './deadlines.ts';
import type { Decision } from './decision.ts';
import { Demands } from './demands.ts';
import { DenyCache } from './deny-cache.ts';
import { decodeReply, demandOf } from './encode.ts';
import { rateLimitHeaders, retryAfterSeconds } from './headers.ts';
import { networkOf, type Subject, WindowKeys } from './keys.ts';
import { decideBy } from './store.ts';

const policy = defaultPolicies[0] as Policy;

describe('policies', () => {
  test('the built-in ones are valid', () =>
    expect(validatePolicies([...defaultPolicies])).toEqual(defaultPolicies));

  test.each([
    ['quota 0', { quota: 0 }, 'quota is 0'],
    ['a broken quota', { quota: 1.5 }, 'quota is 1.5'],
    ['a window under a second', { windowSeconds: 0 }, 'windowSeconds is 0'],
    ['a window over a day', { windowSeconds: 86_401 }, 'windowSeconds is 86401'],
    ['a cost above the quota', { cost: 101 }, 'cost is 101'],
    ['an unknown scope', { scope: 'tenant' }, 'scope is "tenant"'],
    ['an unknown store rule', { onStoreError: 'maybe' }, 'onStoreError is "maybe"'],
    ['an unknown mode', { mode: 'dry' }, 'mode is "dry"'],
    ['a name that is none', { name: 'Über' }, 'name is "Über"'],
    ['an unknown member', { burst: 3 }, 'burst is "unknown"'],
    ['an override below the cost', { cost: 5, roles: { admin: 4 } }, 'roles.admin is 4'],
    ['an override where there is no user', { scope: 'ip', users: { alice: 4 } }, 'users is {"alice":4}'],
  ])('refuses %s, and says where', (_, over, message) => {
    expect(() => validatePolicies([{ ...policy, ...over }])).toThrow(message);
  });

  test('names every problem at once, two of one name among them', () => {
    try {
      validatePolicies([policy, policy, { ...policy, name: 'x', quota: -1, scope: 'y' }, 7]);
      expect.unreachable();
    } catch (error) {
      expect((error as InvalidPolicies).problems).toHaveLength(5);
    }
  });

  test.each([[[]], [{}], ['x'], [null]])('refuses %j in place of a list', (input) => {
    expect(() => validatePolicies(input)).toThrow(InvalidPolicies);
  });
});

describe('window keys', () => {
  test('no user can name the window of another, whatever the ids contain', () => {
    const keys = new WindowKeys(Buffer.from('secret'));
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const [one, other] = [a, b].map((userId) => keys.key(policy, { ip: '192.0.2.1', userId }));
        expect(one === other).toBe(a === b);
        expect(one).toMatch(/^rl:v1:\{[A-Za-z0-9_-]{16}\}:default$/);
      }),
    );
  });

  test('a user, an account and an address of the same name are three', () => {
    const keys = new WindowKeys();
    const name = '192.0.2.1';
    const all = (['user', 'account', 'ip'] as const).map((scope) =>
      keys.key({ ...policy, scope }, { ip: name, userId: name, account: name }),
    );
    expect(new Set(all).size).toBe(3);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:ffff::2', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:1::1', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['not an address', undefined],
    ['', undefined],
  ])('%s counts as %s', (ip, network) => expect(networkOf(ip)).toBe(network));
});

describe('the circuit breaker', () => {
  const make = () => {
    let now = 0;
    const states: string[] = [];
    const breaker = new Breaker(
      (state) => states.push(state),
      () => now,
    );
    return {
      breaker,
      states,
      pass: (ms: number) => {
        now += ms;
      },
    };
  };

  test('opens after five failures in a row, lets one probe through, and closes when it succeeds', () => {
    const { breaker, states, pass } = make();
    for (let i = 0; i < 4; i++) breaker.failed();
    expect(breaker.allows()).toBe(true);
    breaker.failed();
    expect(breaker.allows()).toBe(false);
    pass(600);
    expect([breaker.allows(), breaker.allows(), breaker.allows()]).toEqual([true, false, false]);
    breaker.succeeded();
    expect(states).toEqual(['open', 'half_open', 'closed']);
  });

  test('a success in between starts the count anew', () => {
    const { breaker } = make();
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 4; j++) breaker.failed();
      for (let j = 0; j < 6; j++) breaker.succeeded();
    }
    expect(breaker.state).toBe('closed');
  });

  test('opens when half of many calls fail, even if never five in a row', () => {
    const { breaker } = make();
    for (let i = 0; i < 9; i++) {
      breaker.failed();
      breaker.succeeded();
    }
    breaker.failed();
    expect(breaker.state).toBe('closed');
    breaker.failed();
    expect(breaker.state).toBe('open');
  });

  test('waits longer after each probe that fails, up to five seconds', () => {
    const { breaker, pass } = make();
    for (let i = 0; i < 5; i++) breaker.failed();
    for (let i = 0; i < 6; i++) {
      pass(5_000);
      expect(breaker.allows()).toBe(true);
      breaker.failed();
    }
    pass(3_000);
    expect(breaker.allows()).toBe(false);
    pass(2_000);
    expect(breaker.allows()).toBe(true);
  });
});

describe('demands', () => {
  const scopes = ['user', 'user+operation', 'account', 'ip', 'endpoint', 'global'] as const;
  const policies = scopes.map((scope) => ({ ...policy, name: scope.replace('+', '-'), scope }));
  const demands = new Demands(policies, new WindowKeys());
  const names = policies.map(({ name }) => name);
  // Of what a client may choose, and of the separators: what could be read as another's.
  const text = fc.string({ unit: fc.constantFrom('a', '1', '=', '?', '\0', '.'), maxLength: 4 });
  const subject = fc.record(
    {
      ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
      userId: text,
      account: text,
      endpoint: text,
      operation: text,
    },
    { requiredKeys: ['ip'] },
  );
  const keysOf = (who: Subject) => demands.for(who, names).charges.map(({ key }) => key);

  test('of different subjects are never taken for one another, whatever they contain', () => {
    const keys = new WindowKeys();
    fc.assert(
      fc.property(subject, (who) => {
        expect(keysOf(who)).toEqual(policies.map((one) => keys.key(one, who)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('of equal subjects are the same object', () => {
    const [a, b] = [1, 2].map(() => demands.for({ ip: '192.0.2.1', userId: 'a' }, ['user']));
    expect(a).toBe(b);
  });
});

describe('the deny cache', () => {
  test('holds a denial for its wait, and a second at most', () => {
    let now = 0;
    const cache = new DenyCache<string>(10, () => now);
    cache.put('short', 'a', 300, 0);
    cache.put('long', 'b', 60_000, 0);
    now = 299;
    expect(cache.get('short')).toMatchObject({ value: 'a', at: 0 });
    now = 300;
    expect(cache.get('short')).toBeUndefined();
    now = 999;
    expect(cache.get('long')?.value).toBe('b');
    now = 1_000;
    expect(cache.get('long')).toBeUndefined();
  });

  test('is bounded, and can be cleared', () => {
    const cache = new DenyCache<number>(3, () => 0);
    for (let i = 0; i < 10; i++) cache.put(`k${i}`, i, 500, 0);
    expect([cache.get('k6'), cache.get('k9')?.value]).toEqual([undefined, 9]);
    cache.clear();
    expect(cache.get('k9')).toBeUndefined();
  });
});

describe('deadlines', () => {
  test('pass on what comes in time, and give up on what does not', async () => {
    const deadlines = new Deadlines(30);
    await expect(deadlines.race(Promise.resolve(1))).resolves.toBe(1);
    await expect(deadlines.race(Promise.reject(new Error('own')))).rejects.toThrow('own');
    await expect(deadlines.race(new Promise(() => {}))).rejects.toThrow('deadline passed');
    await expect(
      Promise.allSettled([1, 2].map(() => deadlines.race(new Promise(() => {})))),
    ).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  });
});

describe('the batcher', () => {
  test('makes a call in the context of a request in it, whichever call made way for it', async () => {
    const request = new AsyncLocalStorage<string>();
    const callers: (string | undefined)[] = [];
    const answers: ((reply: Buffer) => void)[] = [];
    const batcher = new Batcher({
      deadlineMs: 60_000,
      observe: () => {},
      send: () => {
        callers.push(request.getStore());
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    const decisions: Promise<unknown>[] = [];
    for (const id of ['first', 'second', 'third']) {
      decisions.push(request.run(id, () => decideBy(batcher, demandOf([]))));
      await turn();
    }
    expect(callers).toEqual(['first', 'second']);
    for (const answered of [1, 2, 3]) {
      answers.shift()?.(Buffer.alloc(11));
      await decisions[answered - 1];
      await turn();
    }
    expect(callers).toEqual(['first', 'second', 'third']);
  });
});

describe('the answer', () => {
  const rule = {
    policy: 'default',
    limit: 100,
    windowSeconds: 60,
    remaining: 0,
    resetAt: 161_001,
    nextAt: 103_500,
    waitMs: 3_500,
  };
  const decision: Decision = {
    outcome: 'deny',
    source: 'redis',
    tightest: rule,
    rules: [rule, { ...rule, policy: 'global', remaining: 5, waitMs: 0, nextAt: 100_000 }],
    violated: ['default'],
    retryAfterMs: 3_500,
    shadow: [],
    now: 100_000,
  };

  test('carries the house fields and the draft fields, rounded so that who keeps to them is admitted', () => {
    expect(rateLimitHeaders(decision)).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '162',
      'ratelimit-policy': '"default";q=100;w=60, "global";q=100;w=60',
      ratelimit: '"default";r=0;t=4, "global";r=5;t=0',
    });
    expect(retryAfterSeconds(decision)).toBe(4);
    expect(retryAfterSeconds({ ...decision, retryAfterMs: 0 })).toBe(1);
  });

  test('has no list where no rule was asked', () => {
    expect(Object.keys(rateLimitHeaders({ ...decision, rules: [] }))).toHaveLength(3);
  });

  test('a reply of another shape is refused', () => {
    expect(() => decodeReply([], 'OK')).toThrow(TypeError);
    expect(() => decodeReply([], Buffer.alloc(9))).toThrow(TypeError);
  });
});
