import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { diskFinding, nodeFinding, portsFinding, serverFindings, toolFindings } from './checks.ts';

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
  const findings = [...serverFindings({ PATH: '', XDG_CACHE_HOME: '/nowhere' }), ...toolFindings()];
  for (const { state, remedy } of findings) expect(state === 'ok' || remedy !== undefined).toBe(true);
});

test('a server of the stack is found on PATH, and else what is lost without it is said', () => {
  expect(serverFindings().find(({ name }) => name === 'redis')).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/^\d+\.\d+.*, /),
  });
  const none = serverFindings({ PATH: '', XDG_CACHE_HOME: '/nowhere' });
  expect(none.find(({ name }) => name === 'alertmanager')?.detail).toContain('alerts fire and reach nobody');
});
