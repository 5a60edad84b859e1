import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createEdge, normaliseForwardedFor } from './edge.ts';

const id = (trusted: string[], remoteAddress: string | undefined, given: string | string[] = 'edge-1') =>
  createEdge(trusted).requestId({
    headers: { 'x-request-id': given },
    socket: { remoteAddress },
  } as unknown as IncomingMessage);

test.each<[string, string[], string | undefined, boolean]>([
  ['direct', [], '10.1.2.3', false],
  ['by the edge', ['10.0.0.0/8'], '10.1.2.3', true],
  ['by the edge on a dual-stack socket', ['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  ['by the edge over IPv6', ['fd00::/8'], 'fd12::1', true],
  ['by a neighbour', ['10.0.0.0/8'], '11.1.2.3', false],
  ['by a neighbour on a dual-stack socket', ['10.0.0.0/8'], '::ffff:11.1.2.3', false],
  ['by a neighbour over IPv6', ['fd00::/8'], 'fe80::1', false],
  ['by a socket that is gone', ['10.0.0.0/8'], undefined, false],
])('%s', (_name, trusted, address, kept) => {
  expect(id(trusted, address) === 'edge-1').toBe(kept);
});

test.each(['a b', '', 'x'.repeat(65), 'a\nb', 'é'])('%j is never kept', (given) => {
  expect(id(['10.0.0.0/8'], '10.0.0.1', given)).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['203.0.113.9:51234', '203.0.113.9'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['"[2001:db8::1]"', '2001:db8::1'],
  ['2001:db8::1, 10.0.0.1:80', '2001:db8::1, 10.0.0.1'],
  ['1.2.3.4, unknown, 203.0.113.9:1', '203.0.113.9'],
  ['_hidden', ''],
])('X-Forwarded-For %s is read as %j', (header, addresses) => {
  expect(normaliseForwardedFor(header)).toBe(addresses);
});
