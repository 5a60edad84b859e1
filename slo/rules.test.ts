import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Environment } from './budget.ts';
import { otherSeries, seriesBudgets, seriesByMetric, seriesOf, totalSeries } from './budget.ts';
import { promtool } from './promtool.testing.ts';
import { ruleTests } from './rule-tests.ts';
import { ruleFiles } from './rules.ts';

const environments = Object.keys(seriesBudgets) as Environment[];

describe('rule files', () => {
  it.each(environments)('of %s load', async (environment) => {
    const files = ruleFiles(environment, { retentionDays: 35 });
    const checked = await promtool(files, 'check', 'rules', ...files.map(({ name }) => name));
    expect(checked).toMatchObject({ ok: true });
    expect(checked.output).not.toContain('FAILED');
  });

  const files = [...ruleFiles('local'), ...ruleTests('local')];
  const testFiles = ruleTests('local').map(({ name }) => name);
  const half = Math.ceil(testFiles.length / 2);
  it.each([
    ['first half', testFiles.slice(0, half)],
    ['second half', testFiles.slice(half)],
  ])('fire and stay silent as their tests say: %s', { timeout: 240_000 }, async (_, names) => {
    expect(await promtool(files, 'test', 'rules', ...names)).toMatchObject({ ok: true });
  });

  it.each(['', '/'])('lead to runbooks and panels where the options say, URLs that end in "%s"', (end) => {
    const [file] = ruleFiles('staging', {
      runbooks: `https://r.test${end}`,
      grafana: `https://g.test${end}`,
    }).filter(({ name }) => name.includes('redis'));
    const { groups } = parse(file?.content ?? '') as {
      groups: { rules: { labels: object; annotations: Record<string, string> }[] }[];
    };
    const [rule] = groups[0]?.rules ?? [];
    expect(rule?.annotations.runbook_url).toBe('https://r.test/RedisDown.md');
    expect(rule?.annotations.dashboard_url).toMatch(
      /^https:\/\/g\.test\/d\/simple378-redis\?viewPanel=\d+&var-environment=staging$/,
    );
  });
});

describe('alerts of Redis', () => {
  const named = (options: Parameters<typeof ruleFiles>[1]) =>
    ruleFiles('dev', options).find(({ name }) => name === 'alerts-redis.yml')?.content ?? '';

  it('that need what an environment has not are left out', () => {
    const single = named({ redisServers: 1, backupHours: 3 });
    expect(single).toContain('absent(up{job="redis"})');
    expect(single).not.toMatch(/Sentinel|RedisServerMissing/);
    const external = named({ redisServers: 0, backupHours: null });
    expect(external).not.toMatch(/absent|Backup|Sentinel/);
    expect(external).toContain('alert: RedisDown');
    for (const name of ['RedisServerMissing', 'SentinelQuorumLost', 'RedisBackupOld', 'RedisBackupMissing'])
      expect(named({})).toContain(`alert: ${name}`);
  });
});

describe('series budget', () => {
  it.each(environments)('of %s holds', (environment) => {
    expect(totalSeries(environment)).toBeLessThanOrEqual(seriesBudgets[environment].series);
    expect(totalSeries(environment) + otherSeries).toBeLessThan(200_000);
  });

  it('counts labels, buckets and replicas', () => {
    const labels = { a: ['1', '2'], b: { atMost: 5, because: 'test' } } as const;
    expect(seriesOf('x', { type: 'gauge', help: '', labels })).toBe(10);
    expect(seriesOf('x', { type: 'histogram', help: '', labels, buckets: [1, 2] })).toBe(50);
    expect(seriesByMetric('prod')[0]?.series).toBe((10 * (seriesByMetric('local')[0]?.series ?? 0)) / 2);
  });

  it('is exceeded by a label of users', () => {
    const labels = { user: { atMost: 10_000, because: 'a mistake' } };
    expect(seriesOf('mistake_total', { type: 'counter', help: '', labels })).toBeGreaterThan(
      seriesBudgets.local.series,
    );
  });
});
