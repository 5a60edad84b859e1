import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { needs } from '../../test/support/needs.ts';
import { freePort } from '../../test/support/redis.ts';
import { spawn } from '../programs/child-process.ts';
import { makePods, type Pods } from './sentinel.testing.ts';
import { readyScript, stopScript } from './sentinel.ts';

let pods: Pods;
const all = [0, 1, 2] as const;
const patience = { timeout: 60_000, interval: 200 };

beforeAll(async () => {
  pods = await makePods(await freePort(), await freePort());
});
afterAll(() => pods.close());

/** Waits until every Sentinel of these pods names one primary and knows all others as its replicas, and gives the primary. */
async function agreed(...ordinals: readonly number[]): Promise<number> {
  return vi.waitFor(async () => {
    const seen = await Promise.all(ordinals.map((ordinal) => pods.sees(ordinal)));
    const [first] = seen;
    expect(seen.map((one) => one?.replicas)).toEqual(ordinals.map(() => 2));
    expect(seen.map((one) => one?.primary)).toEqual(ordinals.map(() => first?.primary));
    return first?.primary as number;
  }, patience);
}

/** Waits until a primary has so many replicas in sync. */
const replicas = (primary: number, count: number) =>
  vi.waitFor(async () => {
    const info = String(await pods.ask(primary, 'info', 'replication'));
    expect(info).toContain('role:master');
    expect(info.match(/state=online/g)).toHaveLength(count);
  }, patience);

/** A server counts the replicas that it needs for a write once a second. */
const write = (ordinal: number, value: string) =>
  vi.waitFor(async () => expect(await pods.ask(ordinal, 'set', 'cs:v1:{a}', value)).toBe('OK'), patience);

/** Makes a failover that the primary's pod misses, with a write after it, and gives the new primary and those that run. */
async function failOverWithoutPrimary(): Promise<{ next: number; running: readonly number[] }> {
  pods.start(...all);
  // The first pod's, but for a failover at the start: a busy machine is slow to answer.
  const before = await agreed(...all);
  const running = all.filter((ordinal) => ordinal !== before);
  await write(before, 'before');
  await pods.kill(before);
  const next = await vi.waitFor(async () => {
    const primary = await agreed(...running);
    expect(primary).not.toBe(before);
    return primary;
  }, patience);
  await replicas(next, 1);
  await write(next, 'after');
  return { next, running };
}

/** How often a server has sent all of its data to a replica since it started. */
const fullCopies = async (ordinal: number) =>
  Number(String(await pods.ask(ordinal, 'info', 'stats')).match(/sync_full:(\d+)/)?.[1]);

/** Waits until a server has written its append-only file to the disk, which it does once a second. */
const written = (ordinal: number) =>
  vi.waitFor(
    async () => expect(await pods.ask(ordinal, 'info', 'persistence')).toContain('aof_pending_bio_fsync:0'),
    patience,
  );

/** The exporter as it runs in the first pod, and the URL by which Prometheus asks it about the Sentinel. */
async function startExporter(): Promise<{ readonly url: string; stop(): void }> {
  const { sentinel, passwords } = pods.forExporter(0);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'redis_exporter',
    [
      '--redis.user=exporter',
      `--redis.password-file=${passwords}`,
      '--skip-tls-verification',
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  return { url: `http://${address}/scrape?target=${sentinel}`, stop: () => void child.kill() };
}

// Other addresses of loopback than 127.0.0.1 are there on Linux alone.
describe.runIf(process.platform === 'linux')('three pods', () => {
  test('that all lose power after a failover that one missed: the newest data is there', async () => {
    const { next, running } = await failOverWithoutPrimary();
    await written(next);
    await pods.kill(...running);

    pods.start(...all);
    expect(await agreed(...all)).toBe(next);
    await replicas(next, 2);
    expect(await pods.ask(next, 'get', 'cs:v1:{a}')).toBe('after');
    await write(next, 'again');
  }, 240_000);

  needs('redis_exporter')(
    'whose Sentinels its exporter can watch, a lost quorum included',
    async () => {
      await agreed(...all);
      const exporter = await startExporter();
      const seen = async () => (await fetch(exporter.url)).text();
      try {
        await vi.waitFor(async () => expect(await seen()).toMatch(/^redis_up 1$/m), patience);
        expect(await seen()).toMatch(/^redis_sentinel_master_ckquorum_status\{.*\} 1$/m);
        await pods.kill(1, 2);
        const lost = /^redis_sentinel_master_ckquorum_status\{.*\} 0$/m;
        await vi.waitFor(async () => expect(await seen()).toMatch(lost), patience);
      } finally {
        exporter.stop();
        pods.start(1, 2);
      }
    },
    240_000,
  );

  test('of which the primary crashes: another takes over, though its container is back at once', async () => {
    const before = await agreed(...all);
    await replicas(before, 2);
    await pods.crash(before);
    const after = await vi.waitFor(async () => {
      const primary = await agreed(...all);
      expect(primary).not.toBe(before);
      return primary;
    }, patience);
    await replicas(after, 2);
  }, 240_000);

  test('of which the primary is about to stop: another takes over, and whoever is connected is sent there', async () => {
    const before = await agreed(...all);
    await replicas(before, 2);
    await write(before, 'before the stop');
    const copies = await Promise.all(all.map(fullCopies));
    const dropped = pods.staysConnected(before);
    expect(await pods.runs(before, stopScript)).toBe(0);
    await dropped;
    expect(await pods.ask(before, 'info', 'replication')).toContain('role:slave');
    const after = await agreed(...all.filter((ordinal) => ordinal !== before));
    expect(after).not.toBe(before);
    expect(await pods.ask(after, 'get', 'cs:v1:{a}')).toBe('before the stop');
    await replicas(after, 2);
    // They had all of it but for a few commands.
    expect(await fullCopies(after)).toBe(copies[after]);
  }, 240_000);

  test('of which a replica is ready while it is in sync, and no longer', async () => {
    const primary = await agreed(...all);
    await replicas(primary, 2);
    const ready = (ordinal: number) => pods.runs(ordinal, readyScript);
    expect(await Promise.all(all.map(ready))).toEqual([0, 0, 0]);
    const [replica, ...others] = all.filter((ordinal) => ordinal !== primary) as [number, number];
    await pods.kill(primary, ...others);
    await vi.waitFor(async () => expect(await ready(replica)).toBe(1), patience);
    pods.start(primary, ...others);
    await vi.waitFor(async () => expect(await Promise.all(all.map(ready))).toEqual([0, 0, 0]), patience);
  }, 240_000);
});
