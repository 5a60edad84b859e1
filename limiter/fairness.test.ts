import { describe, expect, test } from 'vitest';
import { defaultPolicies, routeClasses } from '../contract/policies.ts';
import { LocalLimiter } from './local.ts';
import { RuleBuilder, type Subject, WindowKeys } from './rules.ts';

/** Milliseconds that a unit counts at most: the window and one sub-bucket; and how long the simulation takes. */
const counted = 61_000;
const length = 3 * counted;
const start = 1_800_000_000_000;

/** A sender of the simulation: at most so many requests in any 61 s, evenly, to the classes in turn. */
interface Sender {
  readonly subject: Subject;
  readonly requests: number;
  readonly classes: readonly (keyof typeof routeClasses)[];
  /** Milliseconds after the start at which it begins. */
  readonly from?: number;
}

/**
 * Sends the requests of all senders in the order of their times for 183 s, to the same algorithm as in Redis.
 * @returns per sender how many requests were refused
 */
function simulate(senders: readonly Sender[]): number[] {
  const builder = new RuleBuilder(defaultPolicies, new WindowKeys());
  const limiter = new LocalLimiter(1, 100_000);
  const events = senders.flatMap(({ requests, from = 0, classes }, sender) =>
    Array.from({ length: Math.floor(((length - from) / counted) * requests) }, (_, i) => ({
      at: from + Math.ceil(((i * counted) / requests) * 1.001),
      sender,
      policies: routeClasses[classes[i % classes.length] ?? 'default'],
    })),
  );
  events.sort((a, b) => a.at - b.at);
  const refused = senders.map(() => 0);
  for (const { at, sender, policies } of events) {
    const rules = builder.build((senders[sender] as Sender).subject, policies);
    if (limiter.decide(rules, start + at).outcome !== 'allow') refused[sender] = (refused[sender] ?? 0) + 1;
  }
  return refused;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const many = (count: number, make: (i: number) => Sender) => Array.from({ length: count }, (_, i) => make(i));
const address = (i: number) => `198.18.${i >> 8}.${i & 255}`;

describe('1,000 attackers and 1,000 others', () => {
  test('signed in: nobody with up to 8 requests in 61 s is refused, whatever the attackers send', () => {
    const attackers = many(1_000, (i) => ({
      subject: { ip: '192.0.2.1', userId: `attacker-${i}` },
      requests: 120,
      classes: ['default', 'intensive'],
    }));
    const users = many(1_000, (i) => ({
      subject: { ip: '192.0.2.1', userId: `user-${i}` },
      requests: 8,
      classes: ['default'],
      from: 20_000,
    }));
    const refused = simulate([...attackers, ...users]);
    expect(sum(refused.slice(1_000))).toBe(0);
    // The shared window was full: the attackers were held back.
    expect(sum(refused.slice(0, 1_000))).toBeGreaterThan(100_000);
  }, 120_000);

  test('without identity: no address with up to 5 requests in 61 s is refused, nor any signed-in user', () => {
    const attackers = many(1_000, (i) => ({
      subject: { ip: address(i) },
      requests: 60,
      classes: ['anonymous'],
    }));
    const strangers = many(900, (i) => ({
      subject: { ip: address(2_000 + i) },
      requests: 5,
      classes: ['anonymous'],
      from: 20_000,
    }));
    const users = many(100, (i) => ({
      subject: { ip: address(i), userId: `user-${i}` },
      requests: 100,
      classes: ['default'],
    }));
    const refused = simulate([...attackers, ...strangers, ...users]);
    expect(sum(refused.slice(1_000))).toBe(0);
    expect(sum(refused.slice(0, 1_000))).toBeGreaterThan(50_000);
  }, 120_000);
});

test('a customer with a whole /48 of IPv6 is one source', () => {
  const networks = many(65_536 / 64, (i) => ({
    subject: { ip: `2001:db8:1:${(i * 64).toString(16)}::1` },
    requests: 40,
    classes: ['anonymous'],
  }));
  const admitted = 40 * 3 * networks.length - sum(simulate(networks));
  // Four times the quota of an address per window, in the three windows that the minutes touch.
  expect(admitted).toBeLessThanOrEqual(4 * 6_000 * 3);
});

test('100 addresses that guess at unknown accounts leave room for logins from others', () => {
  const attackers = many(100, (i) => ({
    subject: { ip: address(i), account: `nobody-${i}`, endpoint: '/login' },
    requests: 30,
    classes: ['login'],
  }));
  const users = many(50, (i) => ({
    subject: { ip: address(2_000 + i), account: `user-${i}`, endpoint: '/login' },
    requests: 2,
    classes: ['login'],
    from: 10_000,
  }));
  expect(sum(simulate([...attackers, ...users]).slice(100))).toBe(0);
});
