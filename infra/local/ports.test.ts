import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../../test/support/redis.ts';
import { basePorts, portsAt } from './layout.ts';
import { busyPorts } from './ports.ts';

test('names a busy port, and on Linux who holds it', async () => {
  const free = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const busy = await busyPorts({ prometheus: port, redis: free });
  expect(busy).toMatchObject([{ name: 'prometheus', port }]);
  if (process.platform === 'linux') expect(busy[0]?.process).toContain(`(process ${process.pid})`);
  server.close();
});

test('an offset shifts every port', () => {
  const shifted = portsAt(100);
  for (const [name, port] of Object.entries(basePorts)) {
    expect(shifted[name as keyof typeof basePorts]).toBe(port + 100);
  }
});
