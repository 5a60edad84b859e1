import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { prometheusConfig } from '../../infra/config/prometheus.ts';
import { prometheusAt, QueryFailed } from '../../slo/prometheus.ts';
import { ruleFiles } from '../../slo/rules.ts';
import { type Server, startServer } from '../../test/alerts/servers.ts';
import { freePort } from '../../test/support/redis.ts';
import { dashboards } from '../index.ts';
import { axisTo } from './axis.ts';
import { draw } from './chart.ts';
import { environmentOf, fill } from './data.ts';
import { format } from './format.ts';
import { page, picture } from './page.ts';
import { type PreviewOptions, previewDashboards } from './preview.ts';

let server: Server;
let url: string;
let directory: string;

// A real Prometheus that scrapes itself and loads the real rules.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'preview-'));
  const port = await freePort();
  for (const { name, content } of ruleFiles('local'))
    writeFileSync(join(directory, name), content.replaceAll(/interval: \S+/g, 'interval: 1s'));
  const config = prometheusConfig({
    environment: 'local',
    scrapeIntervalSeconds: 1,
    jobs: [],
    caFile: '',
    ruleFiles: [join(directory, '*.yml')],
    self: `127.0.0.1:${port}`,
  });
  writeFileSync(join(directory, 'prometheus.yaml'), stringify(config));
  url = `http://127.0.0.1:${port}`;
  server = await startServer(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    `${url}/-/ready`,
  );
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const preview = async (options: Partial<PreviewOptions>) => {
  const lines: string[] = [];
  const code = await previewDashboards({ minutes: 5, output: directory, ...options }, (line) =>
    lines.push(line),
  );
  return { code, text: lines.join('\n') };
};

describe('on a real Prometheus', () => {
  it('every rule evaluates', async () => {
    let rules: { health: string; lastError?: string; name: string }[] = [];
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(200)) {
      const answer = (await (await request(`${url}/api/v1/rules`)).body.json()) as {
        data: { groups: { rules: typeof rules }[] };
      };
      rules = answer.data.groups.flatMap((group) => group.rules);
      if (rules.length > 0 && rules.every(({ health }) => health !== 'unknown')) break;
    }
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  it('every panel of every dashboard gets an answer, and Prometheus’s own have data', async () => {
    const fillAll = async () => {
      const end = Math.ceil(Date.now() / 1_000);
      const view = { prometheus: url, environment: 'local', range: { start: end - 60, end, step: 1 } };
      const filled = [];
      for (const { json } of dashboards()) filled.push(...(await fill(JSON.parse(json) as Dashboard, view)));
      return filled;
    };
    const own = ['Series in memory', 'Monitoring targets'];
    const titles = (filled: Awaited<ReturnType<typeof fillAll>>) =>
      filled.filter(({ data }) => data.length > 0).map(({ panel }) => panel.title);
    await expect
      .poll(async () => titles(await fillAll()), { timeout: 15_000 })
      .toEqual(expect.arrayContaining(own));
    const filled = await fillAll();
    expect(filled.length).toBeGreaterThan(60);
    expect(await environmentOf(url)).toBe('local');
  });

  it('the command writes a page and a picture each, and says which panels are empty', async () => {
    const kept = join(directory, 'kept.svg');
    const { code, text } = await preview({ prometheus: url, picture: kept });
    expect(code).toBe(1);
    expect(text).toContain('no data: Simple378 Application Dashboard / Active Users');
    const page = readFileSync(join(directory, 'index.html'), 'utf8');
    expect(page).toContain('a preview, not Grafana');
    expect(page).toContain('Series in memory');
    expect(readFileSync(join(directory, 'simple378.svg'), 'utf8')).toMatch(/^<svg xmlns/);
    expect(readFileSync(kept, 'utf8')).toBe(readFileSync(join(directory, 'simple378.svg'), 'utf8'));
    // Ids of drawings must not clash on one page.
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names a Prometheus that does not answer', async () => {
    await expect(preview({ prometheus: 'http://127.0.0.1:1' })).rejects.toThrow('no answer from Prometheus');
    await expect(prometheusAt(url).query('sum(')).rejects.toThrow(QueryFailed);
  });
});

describe('drawings', () => {
  const size = { width: 400, height: 250, range: { start: 1_700_000_000, end: 1_700_000_060, step: 15 } };
  const panel = (type: string, unit = 's', more: object = {}): Panel =>
    ({
      type,
      title: 'Title',
      fieldConfig: { defaults: { unit, ...more }, overrides: [] },
    }) as unknown as Panel;
  const series = (name: string, values: readonly number[], labels: Record<string, string> = {}) => ({
    name,
    labels,
    points: values.map((y, index) => [1_700_000_000 + index * 15, y] as const),
  });

  it('show lines with their names and threshold lines', () => {
    const thresholds = {
      steps: [
        { value: null, color: '#000' },
        { value: 2, color: '#ABCDEF' },
        { value: 99, color: '#FEDCBA' },
      ],
    };
    const svg = draw(
      panel('timeseries', 's', { thresholds }),
      [series('one', [1, 2, 3]), series('two', [3, Number.NaN, 1])],
      size,
    );
    expect(svg).toContain('Title');
    expect(svg).toContain('one');
    expect(svg.toUpperCase()).toContain('#ABCDEF');
    expect(svg.toUpperCase()).not.toContain('#FEDCBA');
  });

  it('show a number in the colour of its threshold', () => {
    const thresholds = {
      steps: [
        { value: null, color: '#0072B2' },
        { value: 10, color: '#D55E00' },
      ],
    };
    expect(draw(panel('stat', 'short', { thresholds }), [series('n', [1, 12])], size)).toContain('#D55E00');
    expect(draw(panel('stat', 'short', { thresholds }), [series('n', [1, 2])], size)).not.toContain(
      '#D55E00',
    );
  });

  it('stack what happened at the same time, also when one series starts later', () => {
    const stacked = panel('timeseries', 'short', { min: 0, custom: { stacking: { mode: 'normal' } } });
    const late = { ...series('late', []), points: [[1_700_000_030, 8] as const] };
    // At the third point only: 10 and 8 need an axis up to 20, 1 and 8 do not.
    expect(draw(stacked, [series('all', [10, 10, 10]), late], size)).toMatch(/>20</);
    expect(draw(stacked, [series('all', [10, 10, 1]), late], size)).not.toMatch(/>20</);
  });

  it('leave a gap where nobody measured', () => {
    const at = (...minutes: number[]) => ({
      name: 'one',
      labels: {},
      points: minutes.map((minute) => [1_700_000_000 + minute * 15, 1] as const),
    });
    // Each stretch of a curve begins with a move; legend and axes have theirs in both drawings.
    const moves = (svg: string) =>
      svg
        .match(/d="M[^"]*/g)
        ?.join('')
        .match(/M/g)?.length ?? 0;
    const whole = moves(draw(panel('timeseries'), [at(0, 1, 2, 3)], size));
    expect(moves(draw(panel('timeseries'), [at(0, 1, 3, 4)], size))).toBeGreaterThan(whole);
  });

  it('turn cumulative buckets into counts', () => {
    const svg = draw(panel('heatmap'), [series('0.1', [1, 1]), series('+Inf', [1, 4])], size);
    expect(svg).toContain('100 ms');
    expect(svg).toContain('&gt; max');
  });

  it('list rows of a table, and say when there is nothing', () => {
    expect(draw(panel('table'), [series('RedisDown', [1], { severity: 'critical' })], size)).toContain(
      'RedisDown',
    );
    const labels = { environment: 'local', alertname: 'RedisDown', instance: 'a:1' };
    const row = draw(panel('table'), [series('RedisDown', [1], labels)], size);
    expect(row).toContain('instance a:1');
    expect(row).not.toMatch(/environment|alertname/);
    expect(draw(panel('timeseries'), [], size)).toContain('no data');
    expect(draw(panel('timeseries', 's', { noValue: 'none yet' }), [], size)).toContain('none yet');
  });
});

describe('what is almost nothing', () => {
  const bare = { type: 'unknown' } as unknown as Panel;
  const empty = { name: '', labels: {}, points: [] };

  it('is drawn all the same', () => {
    const size = { width: 300, height: 200, range: { start: 0, end: 60, step: 15 } };
    for (const type of ['timeseries', 'stat', 'heatmap', 'table', 'unknown'])
      expect(draw({ ...bare, type }, [empty], size)).toContain('<svg');
    expect(draw(bare, [], size)).toContain('no data');
    const long = Array.from({ length: 12 }, (_, index) => ({
      ...empty,
      name: `a rather long name ${index}`,
    }));
    const other = [{ matcher: { id: 'byName', options: 'x' }, properties: [] }];
    const panel = {
      ...bare,
      type: 'timeseries',
      fieldConfig: {
        defaults: { min: 0, max: 1, custom: { stacking: { mode: 'normal' } } },
        overrides: other,
      },
    };
    expect(draw(panel as unknown as Panel, long, size)).toContain('a rather long name 7');
  });

  it('makes a page and a picture', async () => {
    const range = { start: 0, end: 60, step: 15 };
    const nothing = { dashboard: {} as Dashboard, filled: [], range };
    const unplaced = {
      dashboard: {
        uid: 'x',
        title: '<b>&',
        panels: [{ ...bare, id: 1, title: 't' }, { type: 'row' }],
      } as unknown as Dashboard,
      filled: [{ panel: { ...bare, id: 1 }, data: [] }],
      range,
    };
    expect(page([nothing, unplaced], 'about')).toContain('&lt;b&gt;&amp;');
    expect(picture(nothing)).toContain('<svg');
    expect(picture(unplaced)).toContain('no data');
    const view = { prometheus: url, environment: 'local', range };
    expect(await fill({} as Dashboard, view)).toEqual([]);
    expect(await fill({ panels: [{ ...bare }] } as unknown as Dashboard, view)).toEqual([
      { panel: bare, data: [] },
    ]);
    const target = { expr: 'vector(1)', legendFormat: 'a {{none}}' };
    const [one] = await fill({ panels: [{ ...bare, targets: [target] }] } as unknown as Dashboard, {
      ...view,
      prometheus: `${url}/`,
    });
    expect(one?.data[0]?.name).toBe('a');
  });

  it('knows no environment where nothing is scraped', async () => {
    const stub = createServer((_, response) => response.end('{"status":"success","data":[]}')).listen(
      0,
      '127.0.0.1',
    );
    await once(stub, 'listening');
    const { port } = stub.address() as { port: number };
    expect(await environmentOf(`http://127.0.0.1:${port}`)).toBe('local');
    stub.close();
    stub.closeAllConnections();
  });
});

describe('an axis', () => {
  it.each([
    [7.3, 'ops', 2, 8],
    [0.83, 'percentunit', 0.25, 1],
    [0, 'percentunit', 0.0025, 0.01],
    [0, 'short', 0.25, 1],
    [0.26, 's', 0.1, 0.3],
    [330, 's', 120, 360],
    [5 * 86_400, 's', 2 * 86_400, 6 * 86_400],
    [256 * 2 ** 20, 'bytes', 64 * 2 ** 20, 256 * 2 ** 20],
    [1_000, 'short', 250, 1_000],
    [1_000_000, 'short', 250_000, 1_000_000],
  ])('to %s %s has a line at each %s, up to %s', (top, unit, interval, max) => {
    expect(axisTo(top, unit)).toEqual({ interval, max: expect.closeTo(max, 9) });
  });

  it('ends where a panel says', () => {
    expect(axisTo(0.2, 'percentunit', 1)).toEqual({ interval: 0.25, max: 1 });
  });
});

describe('numbers', () => {
  it.each([
    [0.0123, 's', '12.3 ms'],
    [0.00002, 's', '20 µs'],
    [0, 's', '0 s'],
    [90, 's', '90 s'],
    [600, 's', '10 min'],
    [36_000, 's', '10 h'],
    [864_000, 's', '10 d'],
    [0.1234, 'percentunit', '12.3 %'],
    [1_536, 'bytes', '1.5 KiB'],
    [2_048, 'Bps', '2 KiB/s'],
    [1_500, 'ops', '1.5 k/s'],
    [3, 'reqps', '3 req/s'],
    [1_000, 'short', '1 k'],
    [0, 'dateTimeAsIso', '1970-01-01 00:00:00'],
    [1, 'bool_on_off', 'on'],
    [0, 'bool_on_off', 'off'],
    [Number.NaN, 's', '–'],
  ])('%s %s is %s', (value, unit, text) => {
    expect(format(value, unit)).toBe(text);
  });
});
