import { request } from 'undici';
import { expect, it } from 'vitest';
import { startReceiver } from './receiver.ts';

it('the receiver keeps what it is told, by receiver, and waits for what comes', async () => {
  const receiver = await startReceiver();
  const since = Date.now();
  const alert = { status: 'firing', labels: { alertname: 'RedisDown' }, annotations: {} };
  const waiting = receiver.waitFor('RedisDown', since, 10);
  const body = JSON.stringify({ alerts: [alert, { ...alert, status: 'resolved' }] });
  await (await request(`${receiver.url}/critical`, { method: 'POST', body })).body.dump();
  expect(await waiting).toMatchObject({ receiver: 'critical', together: 2 });
  expect(await receiver.waitFor('Other', since, 0.1)).toBeNull();
  await receiver.stop();
});
