import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard as SchemaDashboard } from '@grafana/schema';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { promtool } from '../slo/promtool.testing.ts';
import { finalise } from './finalise.ts';
import { outputs } from './generate.ts';
import { boards, dashboards } from './index.ts';
import { boardRules, exclusions, lint, panelRules, refuse } from './lint.ts';
import type { Board } from './model/board.ts';
import { interpolate, panelsOf } from './preview/data.ts';

const files = dashboards({ logsUrlTemplate: 'https://logs.test/{service}', traces: true });
const built = files.map(({ json }) => JSON.parse(json) as Dashboard);
const copy = (): Dashboard => structuredClone(built[0] as Dashboard);
const allPanels = built.flatMap(panelsOf);

describe('dashboards', () => {
  it('put what was asked for first', () => {
    expect(built[0]).toMatchObject({ uid: 'simple378', title: 'Simple378 Application Dashboard' });
    expect(files[0]?.file).toBe('simple378.json');
    expect(
      panelsOf(built[0] as Dashboard)
        .slice(0, 4)
        .map(({ title }) => title),
    ).toEqual(['Case Operations', 'Active Users', 'Cache Hit Ratio', 'Sync Queue Depth']);
  });

  it('fit into a ConfigMap together, with room to spare', () => {
    expect(files.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0)).toBeLessThan(768 * 1_024);
  });

  it('are what Grafana’s schema describes', () => {
    type Known = Pick<SchemaDashboard, 'uid' | 'title' | 'schemaVersion' | 'tags' | 'refresh' | 'editable'>;
    expectTypeOf<Pick<Dashboard, 'uid' | 'title' | 'tags' | 'refresh' | 'editable'>>().toExtend<
      Partial<Known>
    >();
    for (const dashboard of built) {
      expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
      for (const panel of panelsOf(dashboard)) {
        expect(['timeseries', 'stat', 'heatmap', 'table']).toContain(panel.type);
        const { x = 0, w = 0, h = 0 } = panel.gridPos ?? {};
        expect(x + w).toBeLessThanOrEqual(24);
        expect(w * h).toBeGreaterThan(0);
        // At 1280 pixels, 4 of 24 columns are some 210: a number fits, a curve does not.
        expect(w).toBeGreaterThanOrEqual(panel.type === 'stat' ? 4 : 6);
      }
    }
  });

  it('have ids that do not change when a panel is added before them', () => {
    const [first] = boards as [Board];
    const [row] = first.rows;
    const extra = { ...(row?.panels[0] as (typeof first.rows)[0]['panels'][0]), title: 'New' };
    const more: Board = { ...first, rows: [{ title: 'New row', panels: [extra] }, ...first.rows] };
    const ids = (dashboard: Dashboard) => new Map(panelsOf(dashboard).map(({ title, id }) => [title, id]));
    const [changed] = dashboards({}, [more]).map(({ json }) => JSON.parse(json) as Dashboard);
    for (const [title, id] of ids(built[0] as Dashboard))
      expect(ids(changed as Dashboard).get(title)).toBe(id);
  });

  it('link to each other, to traces and to logs when there are any', () => {
    const titles = (links: Dashboard['links']) => (links ?? []).map(({ title }) => title);
    expect(titles(built[0]?.links)).toEqual(['Dashboards', 'Traces', 'Logs']);
    const [plain] = dashboards().map(({ json }) => JSON.parse(json) as Dashboard);
    expect(titles(plain?.links)).toEqual(['Dashboards']);
  });

  it('ask what a real Prometheus parses', async () => {
    const view = { environment: 'local', range: { start: 0, end: 3_600, step: 15 } };
    const queries = built.flatMap((dashboard) => [
      ...panelsOf(dashboard).flatMap(({ targets = [] }) =>
        targets.map((target) => (target as { expr?: string }).expr),
      ),
      ...(dashboard.annotations?.list ?? []).map(({ expr }) => expr),
    ]);
    const rules = queries.map((expr = '', index) => ({
      record: `q:${index}`,
      expr: interpolate(expr, view),
    }));
    expect(queries.length).toBeGreaterThan(100);
    const content = JSON.stringify({ groups: [{ name: 'queries', rules }] });
    expect(await promtool([{ name: 'q.yml', content }], 'check', 'rules', 'q.yml')).toMatchObject({
      ok: true,
    });
  });

  it('have documents that are current', async () => {
    for (const [path, text] of Object.entries(outputs()))
      await expect(text).toMatchFileSnapshot(`../${path}`);
  });
});

describe('lint', () => {
  it('finds nothing, and every exclusion is still needed and says why', () => {
    expect(lint(built)).toEqual([]);
    for (const { rule, dashboard, because } of exclusions) {
      expect(because.length).toBeGreaterThan(20);
      const [one] = built.filter(({ uid }) => uid === dashboard);
      expect(boardRules[rule]?.(one as Dashboard) ?? []).not.toEqual([]);
    }
  });

  it('refuses a duplicate uid when dashboards are written', () => {
    expect(() => dashboards({}, [boards[0] as Board, boards[0] as Board])).toThrow(
      'has the uid of another dashboard',
    );
  });

  const breakPanel = (change: (panel: ReturnType<typeof panelsOf>[number]) => void): Dashboard => {
    const dashboard = copy();
    change(panelsOf(dashboard)[0] as ReturnType<typeof panelsOf>[number]);
    return dashboard;
  };
  const query = (expr: string, legendFormat = 'x') =>
    breakPanel(({ targets }) => Object.assign(targets?.[0] as object, { expr, legendFormat }));
  const on = '{environment="$environment"}';

  it.each<[string, Dashboard, string]>([
    [
      'panel-title-description',
      breakPanel((panel) => Object.assign(panel, { description: 'x' })),
      'no description',
    ],
    ['panel-title-description', breakPanel((panel) => Object.assign(panel, { title: '' })), 'no title'],
    [
      'panel-datasource',
      breakPanel((panel) => Object.assign(panel, { datasource: { uid: 'abc' } })),
      'variable',
    ],
    [
      'panel-datasource',
      breakPanel(({ targets }) => Object.assign(targets?.[0] as object, { datasource: {} })),
      'another data source',
    ],
    [
      'panel-units',
      breakPanel((panel) => Object.assign(panel.fieldConfig?.defaults as object, { unit: 'furlong' })),
      'unknown unit "furlong"',
    ],
    ['panel-queries', breakPanel((panel) => Object.assign(panel, { targets: [] })), 'has no query'],
    ['panel-queries', query(`up${on}`, ''), 'without a legend'],
    [
      'panel-queries',
      breakPanel(({ targets }) => targets?.push(targets[0] as (typeof targets)[number])),
      'refId',
    ],
    ['counter-rate', query(`sum(case_operations_total${on})`), 'without rate'],
    ['rate-interval', query(`rate(case_operations_total${on}[5m])`), 'fixed interval'],
    [
      'environment-matcher',
      query('rate(case_operations_total{job="case-service"}[$__rate_interval])'),
      'without the environment',
    ],
    ['legend-labels', query(`sum by(a) (up${on})`, '{{b}}'), 'summed away'],
    ['dashboard-uid', { ...copy(), uid: 'Random123' }, 'no stable uid'],
    ['dashboard-title', { ...copy(), description: '' }, 'no title or description'],
    ['unique-ids', breakPanel((panel) => Object.assign(panel, { id: 9847786 })), 'same title'],
    ['datasource-variable', { ...copy(), templating: { list: [] } }, 'no data source variable'],
    ['environment-variable', { ...copy(), templating: {} }, 'no environment variable'],
    ['instance-variable', { ...copy(), templating: {} }, 'no instance variable'],
    ['links', { ...copy(), links: [] }, 'does not link'],
    ['annotations', { ...copy(), annotations: { list: [] } }, 'does not show alerts'],
    ['readonly', { ...copy(), editable: true }, 'edit would be lost'],
  ])('rule %s bites', (rule, dashboard, message) => {
    expect(lint([dashboard]).find((finding) => finding.rule === rule)?.problem).toContain(message);
    expect(() => refuse([dashboard])).toThrow(message);
  });

  it('has a broken example of every rule but one', () => {
    // A query variable without `current` cannot come from the finaliser.
    const variable = copy();
    for (const one of variable.templating?.list ?? []) delete one.current;
    expect(lint([variable]).map(({ rule }) => rule)).toContain('variable-current');
    expect(Object.keys(panelRules).length + Object.keys(boardRules).length).toBe(18);
  });
});

describe('what is almost nothing', () => {
  const bare = {} as Dashboard;
  const panel = { panels: [{ type: 'timeseries', targets: [{}] }] } as unknown as Dashboard;

  it('is finished without a crash, and the lint says what is missing', () => {
    expect(finalise(bare)).toEqual({});
    expect(
      finalise({ panels: [{ type: 'text' }, { type: 'row', title: 'r' }] } as unknown as Dashboard).panels,
    ).toMatchObject([{ targets: [] }, { id: expect.any(Number) }]);
    const rules = new Set(lint([bare, panel]).map(({ rule }) => rule));
    for (const rule of [
      'dashboard-uid',
      'unique-uid',
      'dashboard-title',
      'links',
      'panel-units',
      'panel-queries',
      'panel-datasource',
    ])
      expect([...rules]).toContain(rule);
  });

  it('has a current value for each kind of variable', () => {
    const list = [
      { name: 'a', type: 'custom' },
      { name: 'b', type: 'query', includeAll: true },
      { name: 'c', type: 'query', current: { text: 'x', value: 'x' } },
    ];
    const { templating } = finalise({ templating: { list } } as unknown as Dashboard);
    expect(templating?.list?.map(({ current }) => current?.value)).toEqual(['', ['$__all'], 'x']);
  });
});

describe('panels', () => {
  it('show single traces wherever they show how long something took', () => {
    type Target = { readonly expr: string; readonly exemplar?: boolean };
    const curves = allPanels.filter(({ type }) => type === 'timeseries' || type === 'heatmap');
    const shown = curves.map(({ title, targets = [] }) => {
      const asked = targets as unknown as Target[];
      const timed = asked.some(({ expr }) => /(?<!entrypoint_request)_duration_seconds_bucket/.test(expr));
      // Traefik has no exemplars. Once a panel: the same dots again would lie on top of each other.
      return { title, timed, dots: asked.filter(({ exemplar }) => exemplar).length };
    });
    expect(shown.filter(({ timed }) => timed).length).toBeGreaterThan(5);
    for (const { title, timed, dots } of shown) expect(dots, title).toBe(timed ? 1 : 0);
  });

  it('say what they await when they may be empty', () => {
    const awaiting = boards.flatMap(({ rows }) =>
      rows.flatMap(({ panels }) => panels.filter(({ awaits }) => awaits)),
    );
    for (const { title, awaits } of awaiting) {
      const panel = allPanels.find((one) => one.title === title);
      expect(panel?.fieldConfig?.defaults.noValue).toBe('none yet');
      expect(panel?.description).toContain(`No data until ${awaits}.`);
    }
  });
});
