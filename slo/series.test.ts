import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startBacking } from '../test/support/service.ts';
import { totalSeries } from './budget.ts';

it('10,000 random URLs and tokens add no series of their own, and the service stays within its budget', {
  timeout: 120_000,
}, async () => {
  const backing = await startBacking();
  try {
    const { service } = await backing.start({ POLICIES_FILE: join(backing.dir, 'policies.json') });
    const random = () => randomBytes(12).toString('base64url');
    const send = async (count: number) => {
      for (let sent = 0; sent < count; sent += 100)
        await Promise.all(
          Array.from({ length: 100 }, (_, index) =>
            service.api.inject({
              method: 'GET',
              url: index % 2 === 0 ? `/${random()}/${random()}` : `/api/v1/cases/${random()}?q=${random()}`,
              headers: { authorization: `Bearer ${random()}` },
            }),
          ),
        );
    };
    const series = async () =>
      (await service.context.metrics.registry.metrics())
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.replace(/ \S+$/, ''));
    await send(200);
    const before = new Set(await series());
    await send(10_000);
    // A burst adds what closed labels have (shed load, decisions without Redis); a URL or a token would add thousands.
    expect((await series()).filter((one) => !before.has(one)).length).toBeLessThan(100);
    expect(before.size).toBeLessThan(totalSeries('local') / 2);
  } finally {
    await backing.stop();
  }
});
