import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ruleFiles } from '../../slo/rules.ts';
import { execFileSync } from '../programs/child-process.ts';
import { prometheusConfig, type ScrapeJob } from './prometheus.ts';

const folder = mkdtempSync(join(tmpdir(), 'prometheus config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const jobs: ScrapeJob[] = [
  { job: 'case-service', targets: ['localhost:9464'], tlsServerName: 'localhost' },
  { job: 'redis', host: 'redis-headless.ns.svc', port: 9121, tlsServerName: 'redis' },
];
const caFile = join(folder, 'ca.crt');
const config = (rules: string) =>
  prometheusConfig({
    environment: 'test',
    scrapeIntervalSeconds: 5,
    jobs,
    caFile,
    ruleFiles: [rules],
    alertmanager: 'localhost:9093',
  });

test('promtool accepts it with the real rules, and refuses it with a broken one', () => {
  writeFileSync(caFile, '');
  for (const { name, content } of ruleFiles('local'))
    writeFileSync(join(folder, `${name}.rules.yml`), content);
  const file = join(folder, 'prometheus.yml');
  const check = () =>
    execFileSync('promtool', ['check', 'config', file], { encoding: 'utf8', stdio: 'pipe' });
  writeFileSync(file, stringify(config(join(folder, '*.rules.yml'))));
  expect(check()).toMatch(/SUCCESS: .* rules found/);
  writeFileSync(join(folder, 'broken.rules.yml'), 'groups: [{name: a, rules: [{record: x, expr: "sum("}]}]');
  expect(check).toThrow(/could not parse expression|unclosed/);
});

test('every target carries the environment, and TLS is checked against the authority', () => {
  const { scrape_configs } = config('x') as { scrape_configs: Record<string, unknown>[] };
  expect(scrape_configs.map(({ job_name }) => job_name)).toEqual(['prometheus', 'case-service', 'redis']);
  for (const scrape of scrape_configs) {
    expect(scrape['relabel_configs']).toEqual([{ target_label: 'environment', replacement: 'test' }]);
  }
  expect(scrape_configs[1]).toMatchObject({
    scheme: 'https',
    tls_config: { ca_file: caFile, server_name: 'localhost' },
  });
  expect(JSON.stringify(scrape_configs)).not.toContain('insecure_skip_verify');
});

test('metrics that belong to another job get its label', () => {
  const metricsOf = { names: 'limiter_.*', job: 'case-service' };
  const { scrape_configs } = prometheusConfig({
    environment: 'test',
    scrapeIntervalSeconds: 5,
    jobs: [{ job: 'limit-gateway', targets: ['localhost:1'], metricsOf }],
    caFile,
    ruleFiles: [],
  }) as { scrape_configs: Record<string, unknown>[] };
  expect(scrape_configs[1]?.['metric_relabel_configs']).toEqual([
    {
      source_labels: ['__name__'],
      regex: 'limiter_.*',
      target_label: 'job',
      replacement: 'case-service',
    },
  ]);
});

test('a job without a place to scrape is an error that names it', () => {
  expect(() =>
    prometheusConfig({
      environment: 'test',
      scrapeIntervalSeconds: 5,
      jobs: [{ job: 'nowhere' }],
      caFile,
      ruleFiles: [],
    }),
  ).toThrow(/nowhere: needs targets, or host and port/);
});
