import { expect, test } from 'vitest';
import { chooseAddresses, countOf } from './addresses.ts';

test('addresses are counted', () => {
  expect(countOf('127.0.0.1')).toBe(1);
  expect(countOf('127.0.0.2-127.0.1.1,10.0.0.0/28')).toBe(256 + 16);
});

test('loopback on Linux has many addresses, anything else has one unless said', () => {
  expect(
    chooseAddresses(['https://localhost:8443', 'https://127.0.0.1:8444'], 'linux', undefined).count,
  ).toBe(1000);
  expect(chooseAddresses(['https://localhost:8443'], 'darwin', undefined)).toEqual({ range: null, count: 1 });
  expect(chooseAddresses(['https://simple378.example'], 'linux', undefined).count).toBe(1);
  expect(chooseAddresses(['https://simple378.example'], 'linux', '10.1.0.0/30').count).toBe(4);
});
