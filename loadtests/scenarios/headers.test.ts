import { expect, test } from 'vitest';
import { contradictions, parseItems, remainingOf } from './headers.ts';

const now = 1_800_000_000;
const truthful = {
  'X-Ratelimit-Limit': '100',
  'X-Ratelimit-Remaining': '99',
  'X-Ratelimit-Reset': String(now + 61),
  'Ratelimit-Policy': '"default";q=100;w=60, "address";q=6000;w=60',
  Ratelimit: '"default";r=99;t=61, "address";r=5999;t=61',
};

test('lists are read, unknown members left out', () => {
  expect(parseItems('"default";q=100;w=60;pk=:abc:, other;r=1')).toEqual([
    { policy: 'default', parameters: { q: 100, w: 60 } },
  ]);
  expect(parseItems(undefined)).toEqual([]);
  expect(remainingOf(truthful, 'address')).toBe(5999);
  expect(remainingOf(truthful, 'global')).toBeUndefined();
});

test('truthful headers have no contradiction', () => {
  expect(contradictions(200, truthful, 61, now)).toEqual([]);
  const denied = {
    ...truthful,
    'X-Ratelimit-Remaining': '0',
    Ratelimit: '"default";r=0;t=61',
    'Retry-After': '61',
  };
  expect(contradictions(429, denied, 61, now)).toEqual([]);
});

test.each([
  [200, { 'X-Ratelimit-Limit': undefined }, 'an X-RateLimit header is missing'],
  [200, { Ratelimit: undefined }, 'RateLimit or RateLimit-Policy is missing'],
  [200, { 'X-Ratelimit-Remaining': '98' }, 'X-RateLimit-* is the state of no policy in RateLimit'],
  [
    200,
    { 'X-Ratelimit-Limit': '6000', 'X-Ratelimit-Remaining': '5999' },
    'X-RateLimit-* is not of the tightest policy',
  ],
  [200, { 'X-Ratelimit-Reset': String(now + 90) }, 'X-RateLimit-Reset is later than any window'],
  [429, { 'Retry-After': '61' }, 'denied, and yet X-RateLimit-Remaining is not 0'],
  [429, {}, 'Retry-After is missing or out of bounds'],
  [429, { 'Retry-After': '0' }, 'Retry-After is missing or out of bounds'],
  [429, { 'Retry-After': '63' }, 'Retry-After is missing or out of bounds'],
  [200, { 'Retry-After': '1' }, 'Retry-After on a success'],
])('%i with %o: %s', (status, change, problem) => {
  expect(contradictions(status, { ...truthful, ...change }, 61, now)).toContain(problem);
});
