import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backing, startBacking } from '../../app/test/service.ts';
import { print } from '../../slo/promql.ts';
import { readStack } from '../stack.ts';
import { compare, differences, report } from './compare.ts';
import { growth, parse, quantile } from './exposition.ts';
import { main } from './main.ts';
import { type Baseline, baselineQuery, readBaseline } from './record.ts';

const figures = {
  requestsPerSecond: 20,
  errorRatio: 0,
  p50Seconds: 0.002,
  p99Seconds: 0.01,
  limiterP99Seconds: 0.001,
  cpuSecondsPerRequest: 0.001,
};
const recorded: Baseline = {
  measuredAt: '2026-01-01T00:00:00Z',
  context: { cores: 2, node: 'v24' },
  figures,
};

describe('a comparison', () => {
  const verdicts = (change: Partial<Baseline['figures']>) =>
    Object.fromEntries(
      compare(recorded, { ...recorded, figures: { ...figures, ...change } }, 1.5)
        .filter(({ verdict }) => verdict !== 'same')
        .map(({ figure, verdict }) => [figure, verdict]),
    );

  it('says what moved, and in which direction', () => {
    expect(verdicts({})).toEqual({});
    expect(verdicts({ p99Seconds: 0.012 })).toEqual({});
    expect(verdicts({ p99Seconds: 0.02, p50Seconds: 0.001 })).toEqual({
      p99Seconds: 'worse',
      p50Seconds: 'better',
    });
    expect(verdicts({ requestsPerSecond: 5 })).toEqual({ requestsPerSecond: 'worse' });
    expect(verdicts({ errorRatio: 0.01 })).toEqual({ errorRatio: 'worse' });
  });

  it('shows ratios, and what differs of the machine', () => {
    const moved = compare(recorded, { ...recorded, figures: { ...figures, p99Seconds: 0.02 } }, 1.5);
    expect(report(moved).find((line) => line.includes('99 %'))).toMatch(/10 ms → 20 ms +× 2 +worse/);
    expect(differences(recorded, { ...recorded, context: { cores: 8, node: 'v24' } })).toEqual([
      'cores: 2, now 8',
    ]);
  });
});

describe('an exposition', () => {
  const before = parse([
    'h_bucket{le="0.1"} 0\nh_bucket{le="1"} 0\nh_bucket{le="+Inf"} 0\nc_total{a="b"} 1\n# HELP x\n',
  ]);
  const after = parse([
    'h_bucket{le="0.1"} 50\nh_bucket{le="1"} 100\nh_bucket{le="+Inf"} 100\nc_total{a="b"} 3',
    'c_total{a="c"} 4 # {trace_id="1"} 1\n',
  ]);

  it('gives growth and quantiles as Prometheus does', () => {
    expect(growth(before, after, 'c_total')).toBe(6);
    expect(growth(before, after, 'c_total', /a="b"/)).toBe(2);
    expect(quantile(0.5, before, after, 'h')).toBeCloseTo(0.1);
    expect(quantile(0.75, before, after, 'h')).toBeCloseTo(0.55);
    expect(quantile(0.5, before, before, 'h')).toBeNaN();
    const beyond = parse(['h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 9']);
    expect(quantile(0.9, parse([]), beyond, 'h')).toBe(1);
  });
});

describe('on a running service', () => {
  let backing: Backing;
  let directory: string;
  let stack: string;

  beforeAll(async () => {
    backing = await startBacking();
    directory = mkdtempSync(join(tmpdir(), 'baseline-'));
    const { ports } = await backing.start({ POLICIES_FILE: join(backing.dir, 'policies.json') });
    const users = join(directory, 'users.json');
    writeFileSync(users, JSON.stringify(backing.users));
    stack = join(directory, 'stack.json');
    writeFileSync(
      stack,
      JSON.stringify({
        pid: process.pid,
        replicas: [`https://localhost:${ports.api}`],
        internal: [`https://localhost:${ports.internal}`],
        ca: join(backing.dir, 'tls/ca.crt'),
        users,
      }),
    );
  });
  afterAll(async () => {
    await backing.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const baseline = async (...args: string[]) => {
    const lines: string[] = [];
    const code = await main({ args: ['--stack', stack, ...args], print: (line) => lines.push(line) });
    return { code, text: lines.join('\n') };
  };

  it('records, then compares', async () => {
    const file = join(directory, 'baseline.json');
    expect(await baseline('--file', file, '--seconds', '2')).toMatchObject({ code: 0 });
    const kept = readBaseline(pathToFileURL(file)) as Baseline;
    expect(kept.figures.errorRatio).toBe(0);
    expect(kept.figures.requestsPerSecond).toBeGreaterThan(1);
    expect(kept.figures.cpuSecondsPerRequest).toBeGreaterThan(0);
    expect(kept.context).toMatchObject({ replicas: 1, node: process.version });
    const [line] = baselineQuery('p99Seconds', pathToFileURL(file));
    expect(print((line as NonNullable<typeof line>).expr)).toBe(`vector(${kept.figures.p99Seconds})`);
    // So wide that only a broken measurement is worse.
    const again = await baseline('--file', file, '--seconds', '2', '--tolerance', '1000');
    expect(again).toMatchObject({ code: 0, text: expect.stringContaining('requests per second') });
    const faster = { ...kept, figures: { ...kept.figures, requestsPerSecond: 1e9 } };
    writeFileSync(file, JSON.stringify(faster));
    const slower = await baseline('--file', file, '--seconds', '2', '--tolerance', '1000');
    expect(slower).toMatchObject({ code: 1, text: expect.stringMatching(/requests per second .*worse/) });
  });

  it('measures nothing as users whom the service does not know', async () => {
    const users = join(directory, 'strangers.json');
    const stranger = { email: 'stranger@example.test', password: 'wrong', role: 'caseworker' };
    writeFileSync(users, JSON.stringify([stranger]));
    const strange = join(directory, 'strange.json');
    writeFileSync(strange, JSON.stringify({ ...readStack(stack), users }));
    const lines: string[] = [];
    const args = ['--stack', strange, '--seconds', '2', '--file', join(directory, 'other.json')];
    expect(await main({ args, print: (line) => lines.push(line) })).toBe(2);
    expect(lines.join()).toContain('stranger@example.test cannot log in (status 401)');
  });

  it('refuses what cannot be', async () => {
    expect(await baseline('--seconds', '1')).toMatchObject({ code: 2 });
    expect(await baseline('--tolerance', '1')).toMatchObject({ code: 2 });
    expect(await baseline('--stack', join(directory, 'none.json'))).toMatchObject({
      code: 2,
      text: expect.stringContaining('npm start'),
    });
    // What a stack leaves that was killed: no process has this number.
    const gone = join(directory, 'gone.json');
    writeFileSync(gone, JSON.stringify({ ...readStack(stack), pid: 2 ** 30 }));
    expect(await baseline('--stack', gone)).toMatchObject({
      code: 2,
      text: expect.stringContaining('npm start'),
    });
    expect(baselineQuery('p99Seconds', pathToFileURL(join(directory, 'none.json')))).toEqual([]);
  });
});
