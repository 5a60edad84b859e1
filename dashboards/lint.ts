import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { isRow } from './finalise.ts';
import { units } from './model/board.ts';

/** A finding of the lint. */
export interface Finding {
  readonly rule: string;
  readonly dashboard: string;
  /** The panel's title, when the finding is about one. */
  readonly panel?: string;
  readonly problem: string;
}

/** Findings that are right here, and why. */
export const exclusions: readonly {
  readonly rule: string;
  readonly dashboard: string;
  readonly panel?: string;
  readonly because: string;
}[] = [
  {
    rule: 'instance-variable',
    dashboard: 'simple378-slo',
    because: 'an objective is about the whole fleet; a replica has none',
  },
];

interface Query {
  readonly expr?: string;
  readonly refId?: string;
  readonly legendFormat?: string;
  readonly datasource?: { readonly uid?: string };
}
type PanelRule = (panel: Panel, queries: readonly Query[]) => readonly string[];
type BoardRule = (dashboard: Dashboard) => readonly string[];

/** What Grafana's dashboard-linter checks, and what the builders get wrong. */
export const panelRules: Readonly<Record<string, PanelRule>> = {
  'panel-title-description': ({ title, description }) => [
    ...when(!title, 'has no title'),
    ...when((description ?? '').length < 20, 'has no description that helps'),
  ],
  'panel-datasource': ({ datasource }, queries) => [
    ...when(datasource?.uid !== '$datasource', 'does not use the data source variable'),
    ...when(
      queries.some((query) => query.datasource?.uid !== '$datasource'),
      'has a query with another data source',
    ),
  ],
  'panel-units': ({ fieldConfig }) => {
    const unit = fieldConfig?.defaults.unit ?? '';
    return when(
      !(unit in units),
      `has the unknown unit "${unit}"; choose one of ${Object.keys(units).join(', ')}`,
    );
  },
  'panel-queries': (_, queries) => [
    ...when(queries.length === 0, 'has no query'),
    ...when(
      new Set(queries.map(({ refId }) => refId)).size !== queries.length,
      'has queries without their own refId',
    ),
    ...when(
      queries.some(({ legendFormat }) => !legendFormat),
      'has a query without a legend',
    ),
  ],
  'counter-rate': (_, queries) =>
    queries.flatMap(({ expr = '' }) =>
      when(
        counters(expr).some((before) => !/\b(rate|increase|irate)\($/.test(before)),
        `reads a counter without rate or increase: ${expr}`,
      ),
    ),
  'rate-interval': (_, queries) =>
    queries.flatMap(({ expr = '' }) =>
      when(
        /\b(rate|increase|irate)\([^[\]]*\[(?!\$__rate_interval\])/.test(expr),
        `takes a rate over a fixed interval: ${expr}`,
      ),
    ),
  'environment-matcher': (_, queries) =>
    queries.flatMap(({ expr = '' }) =>
      when(
        selectors(expr).some((selector) => !selector.includes('environment="$environment"')),
        `has a selector without the environment: ${expr}`,
      ),
    ),
  'legend-labels': (_, queries) =>
    queries.flatMap(({ expr = '', legendFormat = '' }) => {
      const grouped = /\bby\(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/);
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label ?? '');
      return when(
        grouped !== undefined && named.some((label) => !grouped.includes(label)),
        `has a legend that names a label which is summed away: ${legendFormat}`,
      );
    }),
};

/** Rules about a dashboard as a whole. */
export const boardRules: Readonly<Record<string, BoardRule>> = {
  'dashboard-uid': ({ uid }) => when(!/^simple378(-[a-z]+)?$/.test(uid ?? ''), 'has no stable uid'),
  'dashboard-title': ({ title, description }) => when(!title || !description, 'has no title or description'),
  'unique-ids': ({ panels = [] }) => {
    const ids = panels.map(({ id }) => id);
    return when(
      ids.some((id, index) => !id || ids.indexOf(id) !== index),
      'has panels with the same title, so the same id',
    );
  },
  'datasource-variable': ({ templating }) =>
    when(
      !templating?.list?.some(({ name, type }) => name === 'datasource' && type === 'datasource'),
      'has no data source variable',
    ),
  'environment-variable': (dashboard) =>
    when(!hasVariable(dashboard, 'environment'), 'has no environment variable'),
  'instance-variable': (dashboard) => when(!hasVariable(dashboard, 'instance'), 'has no instance variable'),
  'variable-current': ({ templating }) =>
    (templating?.list ?? []).flatMap(({ name, current }) =>
      when(current === undefined, `has variable ${name} without a current value`),
    ),
  links: ({ links = [] }) =>
    when(!links.some(({ type }) => type === 'dashboards'), 'does not link to the others'),
  annotations: ({ annotations }) =>
    when((annotations?.list ?? []).length < 2, 'does not show alerts and deployments'),
  readonly: ({ editable }) => when(editable !== false, 'can be edited, and the edit would be lost'),
};

/** All findings that are not excluded, a duplicate uid among them. */
export function lint(dashboards: readonly Dashboard[]): Finding[] {
  const uids = dashboards.map(({ uid }) => uid);
  const found = dashboards.flatMap((dashboard, index): Finding[] => {
    const of = { dashboard: dashboard.uid ?? '' };
    return [
      ...when(uids.indexOf(dashboard.uid) !== index, 'has the uid of another dashboard').map((problem) => ({
        rule: 'unique-uid',
        ...of,
        problem,
      })),
      ...Object.entries(boardRules).flatMap(([rule, check]) =>
        check(dashboard).map((problem) => ({ rule, ...of, problem })),
      ),
      ...(dashboard.panels ?? []).flatMap((panel) =>
        isRow(panel)
          ? []
          : Object.entries(panelRules).flatMap(([rule, check]) =>
              check(panel, (panel.targets ?? []) as readonly Query[]).map((problem) => ({
                rule,
                ...of,
                panel: panel.title ?? '',
                problem,
              })),
            ),
      ),
    ];
  });
  return found.filter((finding) => !exclusions.some((one) => excludes(one, finding)));
}

/** @throws Error with every finding */
export function refuse(dashboards: readonly Dashboard[]): void {
  const found = lint(dashboards);
  if (found.length > 0)
    throw new Error(
      found
        .map(
          ({ rule, dashboard, panel, problem }) =>
            `${dashboard}${panel ? ` / ${panel}` : ''} ${problem} (${rule})`,
        )
        .join('\n'),
    );
}

function excludes(one: (typeof exclusions)[number], { rule, dashboard, panel }: Finding): boolean {
  return one.rule === rule && one.dashboard === dashboard && (one.panel === undefined || one.panel === panel);
}
const when = (wrong: boolean, problem: string): string[] => (wrong ? [problem] : []);
const hasVariable = ({ templating }: Dashboard, name: string): boolean =>
  templating?.list?.some((variable) => variable.name === name) ?? false;

/** Selectors of a query, `{…}`, of series that carry target labels. */
function selectors(expr: string): string[] {
  return [...expr.matchAll(/[a-zA-Z_:][\w:]*\{([^}]*)\}/g)].map(([, labels]) => labels ?? '');
}
/** The text before each counter: names in `_total`, `_count`, `_bucket` and `_sum`. */
function counters(expr: string): string[] {
  return [...expr.matchAll(/\b[a-z_]+_(total|count|bucket|sum)\{/g)].map(({ index }) => expr.slice(0, index));
}
