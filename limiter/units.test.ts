import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultPolicies, type Policy } from '../contract/policies.ts';
import { InvalidPolicies, validatePolicies } from '../contract/validate-policies.ts';
import { decodeReply } from './batch.ts';
import { Batcher } from './batcher.ts';
import { Breaker } from './breaker.ts';
import { Deadline } from './deadline.ts';
import type { Decision, RuleState } from './decision.ts';
import { DenyCache } from './deny-cache.ts';
import { rateLimitHeaders, retryAfterSeconds } from './headers.ts';
import { networksOf } from './network.ts';
import { type Rule, RuleBuilder, type Subject, WindowKeys } from './rules.ts';
import { slotOf } from './slot.ts';
import { decideBy } from './store.ts';

const policy = defaultPolicies[0] as Policy;
const keyOf = (keys: WindowKeys, one: Policy, subject: Subject) => keys.windowsOf(one, subject)[0]?.key;

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
        const [one, other] = [a, b].map((userId) => keyOf(keys, policy, { ip: '192.0.2.1', userId }));
        expect(one === other).toBe(a === b);
        expect(one).toMatch(/^rl:v1:\{[A-Za-z0-9_-]{16}\}:default$/);
      }),
    );
  });

  test('a user, an account and an address of the same name are three', () => {
    const keys = new WindowKeys();
    const name = '192.0.2.1';
    const all = (['user', 'account', 'ip'] as const).map((scope) =>
      keyOf(keys, { ...policy, scope }, { ip: name, userId: name, account: name }),
    );
    expect(new Set(all).size).toBe(3);
  });

  test.each([
    ['192.0.2.1', ['192.0.2.1']],
    ['::ffff:192.0.2.1', ['192.0.2.1']],
    ['::ffff:c000:201', ['192.0.2.1']],
    ['::ffff:0:192.0.2.1', ['192.0.2.1']],
    ['::192.0.2.1', ['192.0.2.1']],
    ['64:ff9b::192.0.2.1', ['192.0.2.1']],
    ['64:ff9b:1::192.0.2.1', ['192.0.2.1']],
    ['64:ff9b:1:abcd::192.0.2.1', ['192.0.2.1']],
    ['64:ff9b:1:c000:2:100::', ['192.0.2.1']],
    ['2001:db8::1', ['2001:db8:0:0::/64', '2001:db8:0:0::/56', '2001:db8:0:0::/48']],
    ['2001:0DB8:0:12ab:ffff::2', ['2001:db8:0:12ab::/64', '2001:db8:0:1200::/56', '2001:db8:0:0::/48']],
    ['fe80::1%eth0', ['fe80:0:0:0::/64', 'fe80:0:0:0::/56', 'fe80:0:0:0::/48']],
    ['::1', ['0:0:0:0::/64', '0:0:0:0::/56', '0:0:0:0::/48']],
    ['not an address', []],
    ['', []],
  ])('%s counts in %j', (ip, networks) => {
    expect(networksOf(ip).map(({ name }) => name)).toEqual(networks);
  });

  test.each([
    ['foo', 12_182],
    ['rl:v1:{foo}:default', 12_182],
    ['123456789', 12_739],
  ])('the slot of %s is %i', (key, slot) => expect(slotOf(key)).toBe(slot));
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

  test('waits longer after each probe that fails, up to two seconds', () => {
    const { breaker, pass } = make();
    for (let i = 0; i < 5; i++) breaker.failed();
    for (let i = 0; i < 6; i++) {
      pass(5_000);
      expect(breaker.allows()).toBe(true);
      breaker.failed();
    }
    pass(1_300);
    expect(breaker.allows()).toBe(false);
    pass(700);
    expect(breaker.allows()).toBe(true);
  });
});

describe('rules', () => {
  const scopes = ['user', 'user+operation', 'account', 'ip', 'endpoint', 'global'] as const;
  const policies = scopes.map((scope) => ({ ...policy, name: scope.replace('+', '-'), scope }));
  const builder = new RuleBuilder(policies, new WindowKeys());
  const names = policies.map(({ name }) => name);
  // Characters of ids and of the separators, so that one subject could be read as another.
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
  const keysOf = (who: Subject) => builder.build(who, names).map(({ key }) => key);

  test('of different subjects never share a window, whatever the ids contain', () => {
    const keys = new WindowKeys();
    fc.assert(
      fc.property(subject, (who) => {
        expect(keysOf(who)).toEqual(policies.map((one) => keyOf(keys, one, who)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('of equal subjects are the same list', () => {
    const [a, b] = [1, 2].map(() => builder.build({ ip: '192.0.2.1', userId: 'a' }, ['user']));
    expect(a).toBe(b);
  });
});

describe('the deny cache', () => {
  const rules = (): readonly Rule[] => [];
  const denial = (retryAfterMs: number) => ({ retryAfterMs }) as Decision;

  test('holds a denial for its wait, and a second at most', () => {
    const cache = new DenyCache(10);
    const [short, long] = [rules(), rules()];
    cache.put(short, denial(300), 0);
    cache.put(long, denial(60_000), 0);
    expect(cache.get(short, 299)).toMatchObject({ decision: { retryAfterMs: 300 }, at: 0 });
    expect(cache.get(short, 300)).toBeUndefined();
    expect(cache.get(long, 999)?.decision.retryAfterMs).toBe(60_000);
    expect(cache.get(long, 1_000)).toBeUndefined();
  });

  test('is bounded, and can be cleared', () => {
    const cache = new DenyCache(3);
    const all = Array.from({ length: 10 }, rules);
    for (const one of all) cache.put(one, denial(500), 0);
    expect(all.filter((one) => cache.get(one, 1)).length).toBeLessThanOrEqual(6);
    expect(cache.get(all[9] as readonly Rule[], 1)).toBeDefined();
    cache.clear();
    expect(cache.get(all[9] as readonly Rule[], 1)).toBeUndefined();
  });
});

describe('deadlines', () => {
  test('return results that come in time, and give up on others', async () => {
    const deadlines = new Deadline(30, 30);
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
    const send = () => {
      callers.push(request.getStore());
      return new Promise((resolve) => answers.push(resolve));
    };
    const batcher = new Batcher(send, new Deadline(60_000, 60_000), () => {});
    const decisions: Promise<unknown>[] = [];
    for (const id of ['first', 'second', 'third']) {
      decisions.push(request.run(id, () => decideBy(batcher, [])));
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
    scope: 'user' as const,
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

  test('has no fields when no rule binds', () => {
    expect(rateLimitHeaders({ ...decision, rules: [] })).toEqual({});
  });

  test('shows a stranger no shared window, and of an account only its denial', () => {
    const shared = { ...rule, policy: 'pool', scope: 'global' as const };
    const account = { ...rule, policy: 'login', scope: 'account' as const };
    const fields = (rules: readonly RuleState[], isStranger: boolean) =>
      rateLimitHeaders({ ...decision, rules }, isStranger)['ratelimit-policy'];
    expect(fields([shared, rule], true)).toBe('"default";q=100;w=60');
    expect(fields([shared, rule], false)).toBe('"pool";q=100;w=60, "default";q=100;w=60');
    for (const isStranger of [true, false]) {
      expect(fields([account, rule], isStranger)).toBe('"login";q=100;w=60, "default";q=100;w=60');
      expect(fields([{ ...account, waitMs: 0 }, rule], isStranger)).toBe('"default";q=100;w=60');
    }
  });

  test('a reply of another shape is refused', () => {
    expect(() => decodeReply([], 'OK')).toThrow(TypeError);
    expect(() => decodeReply([], Buffer.alloc(9))).toThrow(TypeError);
  });
});
