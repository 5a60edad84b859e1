import { describe, expect, test } from 'vitest';
import { problems } from '../../test/support/environment-settings.ts';
import { BadSettings, environments, loadSettings, parseSettings, settingsOf } from './index.ts';
import { rawSettings } from './load.ts';

const digest = `@sha256:${'1'.repeat(64)}`;
const ring = { active: '2026-11-01', accepted: ['2026-11-01'] };

test.each(environments)('the settings of %s are good', (environment) => {
  expect(loadSettings(environment).environment).toBe(environment);
});

describe('reading', () => {
  test('lists all problems at once, and the place', () => {
    const error = new BadSettings(
      problems('dev', { 'app.replicas': 0, 'redis.mode': 'x', colour: 1 }),
      'Pulumi.dev.yaml',
    );
    expect(error.problems).toHaveLength(3);
    expect(error.message).toMatch(/^Pulumi\.dev\.yaml: 3 problem\(s\)\n {2}/);
  });

  test('shortens long values', () => {
    expect(problems('dev', { 'app.logLevel': 'x'.repeat(500) })[0]?.length).toBeLessThan(200);
  });

  test('fills in defaults, and changes nothing of what it is given', () => {
    const raw = rawSettings('prod');
    const before = JSON.stringify(raw);
    expect(parseSettings(raw, 'test').app.drainSeconds).toBe(5);
    expect(JSON.stringify(raw)).toBe(before);
  });

  test('leaves secrets out, encrypted or by name', () => {
    expect(
      settingsOf({
        'simple378:namespace': 'a',
        'simple378:receiver-pager': 'https://secret.example',
        'simple378:grafana-token': { secure: 'v1:…' },
        'simple378:odd': { secure: 'v1:…' },
        'kubernetes:context': 'c',
      }),
    ).toEqual({ namespace: 'a' });
  });

  test('names the environments when there is no such file', () => {
    expect(() => loadSettings('qa')).toThrow(
      /there is no Pulumi\.qa\.yaml: write it, .* name one of dev, local, prod, staging/,
    );
  });

  test('takes nothing at all for a set of missing values', () => {
    expect(() => parseSettings(undefined, 'test')).toThrow(/environment: is missing/);
  });

  test('accepts every mode there is', () => {
    const external = {
      servers: ['a.example:6379', 'b.example:6379'],
      cluster: true,
      cidrs: ['192.0.2.0/24'],
    };
    expect(problems('dev', { 'redis.mode': 'external', 'redis.external': external })).toEqual([]);
    expect(problems('prod', { 'images.redis': `mirror.example/redis:8${digest}` })).toEqual([]);
    expect(
      problems('dev', {
        'edge.controller': 'existing',
        'edge.existing': { gatewayClass: 'shared', namespace: 'gateways', podLabels: { app: 'proxy' } },
        'cluster.apiServerCidrs': [],
        'grafana.mode': 'external',
        'grafana.url': 'https://grafana.example',
        'grafana.prometheusUrl': 'https://prometheus.example',
        'secrets.source': 'existing',
        'secrets.tokenKeys': ring,
        'app.users': [],
      }),
    ).toEqual([]);
  });
});
