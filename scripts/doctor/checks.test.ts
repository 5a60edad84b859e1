import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { diskFinding, nodeFinding, portsFinding, toolFindings } from './checks.ts';

test('Node.js that runs TypeScript is ok, an older one is missing', () => {
  expect(nodeFinding('v24.18.1').state).toBe('ok');
  expect(nodeFinding('v22.18.0').state).toBe('ok');
  expect(nodeFinding('v22.17.1').state).toBe('missing');
  expect(nodeFinding('v20.20.2').state).toBe('missing');
});

test('a full disk is named with its remedy', () => {
  expect(diskFinding('/', 1e9)).toMatchObject({ state: 'missing', remedy: expect.stringContaining('2 GiB') });
  expect(diskFinding('/', 1e11).state).toBe('ok');
});

test('a busy port is found', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await portsFinding([port])).toMatchObject({ state: 'note', detail: `in use: ${port}` });
  await new Promise((resolve) => server.close(resolve));
  expect((await portsFinding([port])).state).toBe('ok');
});

test('every line that is not ok has a remedy', () => {
  for (const { state, remedy } of toolFindings()) expect(state === 'ok' || remedy !== undefined).toBe(true);
});
