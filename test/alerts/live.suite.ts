import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scenarios } from './scenarios.ts';
import { type AlertStack, startAlertStack } from './stack.ts';

// A stack of its own (Redis, exporter, two replicas, Prometheus, Alertmanager and a webhook receiver, all real) is broken in
// one way at a time. The right alert must reach the receiver in time, and what follows from it must be silent.
let stack: AlertStack;
let stopLoad = async () => {};

beforeAll(async () => {
  stack = await startAlertStack();
  stopLoad = await stack.load(4);
});
afterAll(async () => {
  await stopLoad();
  await stack?.stop();
});

it.each(scenarios)('$name: $does', async ({ name, arrives, inhibited, ends, breaks }) => {
  const since = Date.now();
  const repair = await breaks(stack);
  try {
    for (const [alert, seconds] of Object.entries(arrives)) {
      // Some alerts fire from the start, before this scenario began.
      const from = name === 'watchdog' || name === 'certificate' ? 0 : since;
      const found = await stack.receiver.waitFor(alert, from, seconds - (Date.now() - since) / 1_000);
      expect(found, `${alert} within ${seconds} s`).toMatchObject({
        annotations: { runbook_url: expect.any(String), dashboard_url: expect.any(String) },
      });
      console.log(`${alert} after ${Math.max(0, Math.round(((found?.at ?? 0) - since) / 1_000))} s`);
    }
    const firing = stack.receiver.notified
      .filter(({ at, status }) => at >= since && status === 'firing')
      .map(({ labels }) => labels.alertname);
    expect(firing.filter((alert) => inhibited.includes(alert as string))).toEqual([]);
  } finally {
    await repair();
  }
  if (ends.length > 0) await calm(ends);
});

/** Waits until alerts are neither firing nor pending, at most for the time that a page is kept: the next scenario raises its own. */
async function calm(alerts: readonly string[]): Promise<void> {
  const query = `count(ALERTS{alertname=~"${alerts.join('|')}"})`;
  for (const end = Date.now() + 12 * 60_000; Date.now() < end; await sleep(500)) {
    const url = `${stack.prometheus}/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = (await (await request(url)).body.json()) as { data: { result: unknown[] } };
    if (answer.data.result.length === 0) return;
  }
}
