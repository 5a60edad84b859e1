import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { promtool } from '../../slo/promtool.testing.ts';

/**
 * Situations of production, run by promtool on the rules as rendered/prod has them, and judged by severity: how many page
 * (critical) and how many are for working hours (warning), not by the names of alerts.
 */
type Series = Readonly<Record<string, string>>;
interface Situation {
  readonly series: Series;
  /** `page`: at least one critical. `ticket`: at least one warning, no critical. `quiet`: none. */
  readonly at: Readonly<Record<string, 'page' | 'ticket' | 'quiet'>>;
}

const labels = (job: string, instance: string, more = '') =>
  `{job="${job}",instance="${instance}",environment="prod"${more && `,${more}`}}`;
const up = (job: string, instance: string) => `up${labels(job, instance)}`;
const replicas = ['10.0.1.1:9464', '10.0.1.2:9464', '10.0.1.3:9464'] as const;
const servers = ['10.0.2.1:9121', '10.0.2.2:9121', '10.0.2.3:9121'] as const;
const [r1, r2, r3] = replicas;
const [s1, s2, s3] = servers;
const edges = ['10.0.3.1:9100', '10.0.3.2:9100'] as const;
const on = '1x400';
const app = (name: string, instance: string, more = '') => `${name}${labels('case-service', instance, more)}`;
const route = 'route="/api/v1/cases",method="GET"';
const requests = (instance: string, status: string) =>
  app('http_requests_total', instance, `${route},status="${status}"`);
const edge = (code: string) =>
  `traefik_entrypoint_requests_total${labels('traefik', edges[0], `code="${code}",method="GET",protocol="http",entrypoint="https"`)}`;
const redis = (name: string, instance: string, more = '') => `${name}${labels('redis', instance, more)}`;
const master = (instance: string) => redis('redis_instance_info', instance, 'role="master"');
const slave = (instance: string) => redis('redis_instance_info', instance, 'role="slave"');
const each = (list: readonly string[], entries: (one: string) => Series): Series =>
  Object.assign({}, ...list.map(entries));

/** A quiet day: ten requests a second, everything answers. */
const healthy: Series = {
  ...each(replicas, (one) => ({
    [up('case-service', one)]: on,
    [requests(one, '2xx')]: '0+200x400',
    [requests(one, '5xx')]: '0x400',
    [app('http_request_duration_seconds_count', one, route)]: '0+200x400',
    [app('http_request_duration_seconds_bucket', one, `${route},le="0.25"`)]: '0+200x400',
    [app('ratelimit_decisions_total', one, 'policy="default",decision="allow",source="redis"')]: '0+200x400',
    [app('limiter_degraded', one)]: '0x400',
    [app('redis_up', one, 'store="data"')]: on,
    [app('redis_up', one, 'store="limiter"')]: on,
    [app('process_start_time_seconds', one)]: '1x400',
    [app('process_resident_memory_bytes', one)]: '150000000x400',
    [app('process_cpu_seconds_total', one)]: '0+12x400',
  })),
  ...each(servers, (one) => ({
    [up('redis', one)]: on,
    [up('sentinel', one)]: on,
    [redis('redis_up', one)]: on,
    [`redis_up${labels('sentinel', one)}`]: on,
    [`redis_sentinel_master_ckquorum_status${labels('sentinel', one, 'master_name="simple378",message="OK"')}`]:
      on,
    [redis('redis_memory_used_bytes', one)]: '100000000x400',
    [redis('redis_memory_max_bytes', one)]: '1000000000x400',
    [redis('redis_aof_last_write_status', one)]: on,
  })),
  [master(s1)]: on,
  [slave(s2)]: on,
  [slave(s3)]: on,
  [redis('redis_connected_slaves', s1)]: '2x400',
  [redis('redis_connected_slaves', s2)]: '0x400',
  [redis('redis_connected_slaves', s3)]: '0x400',
  [redis('redis_master_link_up', s2)]: on,
  [redis('redis_master_link_up', s3)]: on,
  [redis('redis_key_value', s1, 'db="db0",key="backup:v1:last"')]: '0+60x400',
  ...each(edges, (one) => ({ [up('traefik', one)]: on })),
  [edge('200')]: '0+600x400',
  [up('alertmanager', '10.0.4.1:9093')]: on,
  [up('grafana', '10.0.5.1:3000')]: on,
  [up('prometheus', 'localhost:9090')]: on,
  [up('otel-collector', '10.0.6.1:8888')]: on,
};
/** The values of all series of some instances from a minute on; `stale` ends them. */
const stopped = (instances: readonly string[], minute: number): Series =>
  Object.fromEntries(
    Object.entries(healthy)
      .filter(([series]) => instances.some((one) => series.includes(`"${one}"`)))
      .map(([series, values]) => [
        series,
        series.startsWith('up{') ? `1x${minute} 0x${399 - minute}` : cut(values, minute),
      ]),
  );
const cut = (values: string, minute: number) => `${values.replace(/x\d+$/, `x${minute}`)} stale`;
const gone = (instances: readonly string[], minute: number): Series =>
  Object.fromEntries(
    Object.entries(healthy)
      .filter(([series]) => instances.some((one) => series.includes(`"${one}"`)))
      .map(([series, values]) => [series, cut(values, minute)]),
  );
/** The series of a replica that starts at a minute. */
const started = (like: string, instance: string, minute: number): Series =>
  Object.fromEntries(
    Object.entries(healthy)
      .filter(([series]) => series.includes(`"${like}"`))
      .map(([series, values]) => [
        series.replace(like, instance),
        series.startsWith('up{') ? `_x${minute - 1} 0 1x300` : `_x${minute} ${values}`,
      ]),
  );
const repeated = (values: string, times: number) => Array<string>(times).fill(values).join(' ');
const only = (series: Series): Series =>
  Object.fromEntries([
    ...Object.entries(healthy).filter(([name]) => /^up|backup/.test(name)),
    ...Object.entries(series),
  ]);

const situations: Readonly<Record<string, Situation>> = {
  'a quiet day': { series: {}, at: { '30m': 'quiet', '90m': 'quiet' } },
  'a new environment without traffic': {
    series: only({}),
    at: { '2m': 'quiet', '30m': 'quiet', '90m': 'quiet' },
  },
  'a replica of Redis is gone': {
    series: gone([s3], 60),
    at: { '63m': 'quiet', '80m': 'ticket' },
  },
  'a replica of Redis does not answer its exporter': {
    series: {
      [redis('redis_up', s2)]: '1x60 0x340',
      [slave(s2)]: '1x60 stale',
      [redis('redis_connected_slaves', s1)]: '2x60 1x340',
    },
    at: { '80m': 'ticket' },
  },
  'the primary is lost, and another server takes over': {
    series: {
      ...stopped([s1], 60),
      [slave(s2)]: '1x60 stale',
      [master(s2)]: '_x61 1x340',
      [redis('redis_connected_slaves', s2)]: '0x61 1x340',
      [redis('redis_master_link_up', s2)]: '1x60 stale',
    },
    at: { '62m': 'quiet', '80m': 'ticket' },
  },
  'a former primary returns as a replica': {
    series: {
      [master(s1)]: '1x60 stale',
      [slave(s1)]: '_x61 1x340',
      [redis('redis_connected_slaves', s1)]: '2x60 0x340',
      [slave(s2)]: '1x60 stale',
      [master(s2)]: '_x61 1x340',
      [redis('redis_connected_slaves', s2)]: '0x60 2x340',
    },
    at: { '80m': 'quiet', '110m': 'quiet' },
  },
  'the primary is lost, and no server takes over': {
    series: stopped([s1], 60),
    at: { '65m': 'page' },
  },
  'all Redis servers are gone': { series: gone(servers, 60), at: { '65m': 'page' } },
  'no replica follows the primary': {
    series: { [redis('redis_connected_slaves', s1)]: '2x60 0x340' },
    at: { '65m': 'page' },
  },
  'one replica of the service does not reach Redis': {
    series: {
      [app('redis_up', r1, 'store="data"')]: '1x60 0x340',
      [app('limiter_degraded', r1)]: '0x60 1x340',
    },
    at: { '70m': 'ticket' },
  },
  'no replica of the service reaches Redis': {
    series: each(replicas, (one) => ({
      [app('redis_up', one, 'store="data"')]: '1x60 0x340',
      [app('redis_up', one, 'store="limiter"')]: '1x60 0x340',
      [app('limiter_degraded', one)]: '0x60 1x340',
    })),
    at: { '64m': 'page' },
  },
  'Redis was away for two minutes, and the limiter recovered': {
    series: each(replicas, (one) => ({ [app('limiter_degraded', one)]: '0x60 1x2 0x340' })),
    at: { '90m': 'quiet' },
  },
  'all replicas are down, and the edge answers 503': {
    series: {
      ...stopped(replicas, 60),
      [edge('200')]: '0+600x60 36000x340',
      [edge('503')]: '0x60 0+600x340',
    },
    at: { '63m': 'page', '100m': 'page' },
  },
  'all replicas are gone, and the edge answers 503': {
    series: { ...gone(replicas, 60), [edge('200')]: '0+600x60 36000x340', [edge('503')]: '0x60 0+600x340' },
    at: { '63m': 'page', '100m': 'page' },
  },
  'a pod of the edge is down': {
    series: { [up('traefik', edges[1])]: '1x60 0x340' },
    at: { '63m': 'quiet', '70m': 'ticket' },
  },
  'the edge is down': { series: stopped(edges, 60), at: { '65m': 'page' } },
  'the edge is gone': { series: gone(edges, 60), at: { '70m': 'page' } },
  'the collector is down': { series: stopped(['10.0.6.1:8888'], 60), at: { '75m': 'ticket' } },
  'the edge loses one request in ten': {
    series: { [edge('502')]: '0x60 0+60x340' },
    at: { '90m': 'page' },
  },
  'every request takes three seconds at the edge': {
    series: Object.fromEntries(
      [
        ['bucket', '0', ',le="1.2"'],
        ['bucket', '600', ',le="5"'],
        ['bucket', '600', ',le="+Inf"'],
        ['count', '600', ''],
      ].map(([part, rate, le]) => [
        `traefik_entrypoint_request_duration_seconds_${part}${labels('traefik', edges[0], `code="200",method="GET",protocol="http",entrypoint="https"${le}`)}`,
        `0+${rate}x400`,
      ]),
    ),
    at: { '30m': 'page' },
  },
  'the public certificate ends in ten days': {
    series: {
      [`traefik_tls_certs_not_after${labels('traefik', edges[0], 'cn="",sans="simple378.example",serial="1"')}`]:
        '864000x400',
    },
    at: { '30m': 'ticket' },
  },
  'the public certificate ends tomorrow': {
    series: {
      [`traefik_tls_certs_not_after${labels('traefik', edges[0], 'cn="",sans="simple378.example",serial="1"')}`]:
        '90000x400',
    },
    at: { '30m': 'page' },
  },
  'two pods of three': { series: gone([r3], 60), at: { '66m': 'quiet', '80m': 'ticket' } },
  'a crash loop with back-off': {
    series: {
      [up('case-service', r1)]: `1x30 ${repeated('0 0 0 0 0 1', 60)}`,
      [app('process_start_time_seconds', r1)]:
        `1x30 ${Array.from({ length: 60 }, (_, n) => `_ _ _ _ _ ${1_800 + n * 360}`).join(' ')}`,
    },
    at: { '60m': 'ticket', '120m': 'ticket' },
  },
  'one restart of a replica': {
    series: {
      [up('case-service', r1)]: '1x60 0 1x339',
      [app('process_start_time_seconds', r1)]: '1x60 _ 3700x339',
      [requests(r1, '2xx')]: '0+200x60 _ 0+200x339',
      [requests(r1, '5xx')]: '0x60 _ 0 3x338',
    },
    at: { '62m': 'quiet', '70m': 'quiet', '100m': 'quiet' },
  },
  'a deploy that rolls all replicas': {
    series: {
      ...gone([r1], 60),
      ...gone([r2], 62),
      ...gone([r3], 64),
      ...Object.assign(
        {},
        ...replicas.map((old, index) => started(old, `10.0.1.${index + 4}:9464`, 60 + 2 * index)),
      ),
    },
    at: { '61m': 'quiet', '64m': 'quiet', '66m': 'quiet', '70m': 'quiet', '120m': 'quiet' },
  },
  'a target answers every other scrape': {
    series: { [up('case-service', r1)]: repeated('1 0', 200) },
    at: { '60m': 'ticket' },
  },
  'a metric vanishes while its target answers': {
    series: each(replicas, (one) => ({
      [requests(one, '2xx')]: '0+200x60 stale',
      [requests(one, '5xx')]: '0x60 stale',
    })),
    at: { '64m': 'quiet', '85m': 'ticket' },
  },
  'Prometheus cannot reach Alertmanager': {
    series: {
      [`prometheus_notifications_errors_total${labels('prometheus', 'localhost:9090', 'alertmanager="a"')}`]:
        '0x60 0+2x340',
    },
    at: { '80m': 'page' },
  },
  'a replica uses its two cores': {
    series: { [app('process_cpu_seconds_total', r1)]: '0+115x400' },
    at: { '60m': 'ticket' },
  },
  'a replica uses one of its two cores': {
    series: { [app('process_cpu_seconds_total', r1)]: '0+60x400' },
    at: { '60m': 'quiet' },
  },
  'memory near the limit': {
    series: { [app('process_resident_memory_bytes', r1)]: '500000000x400' },
    at: { '60m': 'ticket' },
  },
  'memory at four fifths of the limit': {
    series: { [app('process_resident_memory_bytes', r1)]: '430000000x400' },
    at: { '60m': 'quiet' },
  },
  'the kernel ends a replica for lack of memory': {
    series: {
      [app('process_resident_memory_bytes', r1)]: '150000000x50 200000000+40000000x8 150000000x300',
      [app('process_start_time_seconds', r1)]: '1x58 3600x340',
    },
    at: { '65m': 'ticket' },
  },
  'one request every two minutes, and all fail': {
    series: only(
      each(replicas.slice(0, 1), (one) => ({
        [requests(one, '2xx')]: '0x400',
        [requests(one, '5xx')]:
          repeated('0 0 1 1 2 2', 0) + Array.from({ length: 200 }, (_, n) => `${n} ${n}`).join(' '),
      })),
    ),
    at: { '15m': 'quiet', '60m': 'page', '90m': 'page' },
  },
  'one failure of ten requests in a new environment': {
    series: only({
      [requests(r1, '2xx')]: '0 1 2 3 4 5 6 7 8 9x300',
      [requests(r1, '5xx')]: '0 0 0 0 1x300',
    }),
    at: { '5m': 'quiet', '10m': 'quiet', '60m': 'quiet' },
  },
  'one failure of ten requests in a sleeping environment': {
    series: only({
      [requests(r1, '2xx')]: '500x300 501 502 503 504 505 506 507 508 509x90',
      [requests(r1, '5xx')]: '0x304 1x90',
    }),
    at: { '306m': 'quiet', '312m': 'quiet' },
  },
  'a gap of five minutes in scrapes during an outage': {
    series: each(replicas, (one) => ({
      [requests(one, '2xx')]: '0x90 _x5 0x300',
      [requests(one, '5xx')]: '0+200x90 _x5 18200+200x300',
    })),
    at: { '85m': 'page', '92m': 'page', '95m': 'page', '97m': 'page', '100m': 'page' },
  },
  'one login in four is turned away for lack of room': {
    series: {
      [app('auth_login_total', r1, 'result="overloaded"')]: '0+5x400',
      [app('auth_login_total', r1, 'result="success"')]: '0+15x400',
      [app('http_request_duration_seconds_count', r1, 'route="/api/v1/auth/login",method="POST"')]:
        '0+20x400',
      [app('http_request_duration_seconds_bucket', r1, 'route="/api/v1/auth/login",method="POST",le="1.0"')]:
        '0+20x400',
    },
    at: { '60m': 'page' },
  },
  'errors spend the budget slowly': {
    series: each(replicas, (one) => ({ [requests(one, '5xx')]: '0+0.8x400' })),
    at: { '350m': 'ticket' },
  },
  'errors stay within the objective': {
    series: each(replicas, (one) => ({ [requests(one, '5xx')]: '0+0.15x400' })),
    at: { '120m': 'quiet' },
  },
};

/** Whether a situation gives all series itself, as a new environment does. */
const isWhole = (series: Series) => up('grafana', '10.0.5.1:3000') in series;
const severities = { page: ['critical', 1], ticket: ['warning', 1], quiet: ['warning', 0] } as const;

it('each situation raises alerts of the right severity, and no others', { timeout: 1_800_000 }, async () => {
  const rendered = readFileSync(
    new URL('../../rendered/prod/prometheus/configmap-prometheus-rules.yaml', import.meta.url),
    'utf8',
  );
  const files = Object.entries((parse(rendered) as { data: Record<string, string> }).data).map(
    ([name, content]) => ({ name, content }),
  );
  const count = (severity: string) =>
    `(count(ALERTS{alertstate="firing",severity="${severity}"}) or vector(0)) > bool 0`;
  const tests = Object.entries(situations).map(([name, { series, at }]) => {
    const input = isWhole(series) ? series : { ...healthy, ...series };
    return {
      name,
      interval: '1m',
      input_series: Object.entries(input).map(([of, values]) => ({ series: of, values })),
      promql_expr_test: Object.entries(at).flatMap(([eval_time, expected]) => {
        const [severity, some] = severities[expected];
        const expectation = (of: string, value: number) => ({
          expr: `${count(of)} # ${name}`,
          eval_time,
          exp_samples: [{ labels: '{}', value }],
        });
        return expected === 'page'
          ? [expectation('critical', 1)]
          : [expectation('critical', 0), expectation(severity, some)];
      }),
    };
  });
  const test = stringify(
    { rule_files: files.map(({ name }) => name), evaluation_interval: '1m', tests },
    { lineWidth: 0 },
  );
  expect(
    await promtool([...files, { name: 'test.yml', content: test }], 'test', 'rules', 'test.yml'),
  ).toEqual({
    ok: true,
    output: expect.any(String),
  });
});
