import * as sdk from '@grafana/grafana-foundation-sdk/dashboard';
import * as data from '@grafana/grafana-foundation-sdk/prometheus';
import { ago, eq, print, unless } from '../slo/query/promql.ts';
import { finalise } from './finalise.ts';
import type { Board, Panel } from './model/board.ts';
import { fleet, target } from './model/scope.ts';
import { datasource, panelBuilder } from './panels.ts';

/** What dashboards depend on besides metrics. */
export interface BoardOptions {
  /** Where to read logs: an https URL with `{service}` or `{trace_id}`. */
  readonly logsUrlTemplate?: string;
  /** Whether Grafana has the trace store as data source `traces`. */
  readonly traces?: boolean;
}

/** Grafana's Classic JSON of a board, complete: ids, refIds, uid, links, variables, annotations. */
export function build(board: Board, options: BoardOptions = {}): sdk.Dashboard {
  const builder = new sdk.DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.purpose)
    .tags(['simple378'])
    .readonly()
    .timezone('browser')
    .time({ from: board.from ?? 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(sdk.DashboardCursorSync.Crosshair)
    .withVariable(new sdk.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(valuesOf('environment', 'Environment', 'up', 'environment'));
  if (board.instancesOf)
    builder.withVariable(
      valuesOf(
        'instance',
        'Instance',
        `up{job="${board.instancesOf}",environment="$environment"}`,
        'instance',
      )
        .multi(true)
        .includeAll(true)
        .allValue('.*'),
    );
  for (const annotation of annotations()) builder.annotation(annotation);
  for (const link of links(options)) builder.link(link);
  for (const row of board.rows) {
    builder.withRow(new sdk.RowBuilder(row.title));
    for (const line of lines(row.panels)) {
      const height = line.every(({ kind }) => kind === 'stat') ? 5 : 8;
      for (const panel of line) builder.withPanel(panelBuilder(panel, height));
    }
  }
  return finalise(builder.build());
}

/** Panels side by side, as the grid of 24 columns puts them: those of a line are equally high. */
function lines(panels: readonly Panel[]): Panel[][] {
  const grouped: Panel[][] = [];
  let used = 24;
  for (const panel of panels) {
    const span = panel.span ?? 12;
    if (used + span > 24) {
      grouped.push([]);
      used = 0;
    }
    grouped.at(-1)?.push(panel);
    used += span;
  }
  return grouped;
}

function valuesOf(name: string, label: string, series: string, of: string): sdk.QueryVariableBuilder {
  return new sdk.QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(`label_values(${series}, ${of})`)
    .refresh(sdk.VariableRefresh.OnTimeRangeChanged)
    .sort(sdk.VariableSort.AlphabeticalAsc);
}

/** Firing alerts and new versions, as marks on all time axes. */
function annotations(): sdk.AnnotationQueryBuilder[] {
  const build = fleet.gauge('build_info');
  const mark = (name: string, color: string, expr: string, title: string, text: string) =>
    new sdk.AnnotationQueryBuilder()
      .name(name)
      .datasource(datasource)
      .enable(true)
      .iconColor(color)
      .expr(expr)
      .step('30s')
      .titleFormat(title)
      .textFormat(text)
      .target(new data.DataqueryBuilder().expr(expr).refId('Anno'));
  return [
    mark(
      'Alerts',
      '#D55E00',
      print(eq(target.gauge('ALERTS', { alertstate: 'firing', severity: { not: ['none'] } }), 1)),
      '{{alertname}}',
      '{{severity}} {{slo}} {{instance}}',
    ),
    mark(
      'Deployments',
      '#0072B2',
      print(unless(build, ago(build, '5m'), ['version'])),
      'Version {{version}}',
      '{{instance}} started',
    ),
  ];
}

function links({ logsUrlTemplate, traces }: BoardOptions): sdk.DashboardLinkBuilder[] {
  const link = (title: string, url: string) =>
    new sdk.DashboardLinkBuilder(title).type(sdk.DashboardLinkType.Link).url(url).targetBlank(true);
  return [
    new sdk.DashboardLinkBuilder('Dashboards')
      .type(sdk.DashboardLinkType.Dashboards)
      .tags(['simple378'])
      .asDropdown(true)
      .includeVars(true)
      .keepTime(true),
    ...(traces
      ? [link('Traces', '/explore?left={"datasource":"traces","queries":[{"query":"{}"}]}').keepTime(true)]
      : []),
    ...(logsUrlTemplate
      ? [link('Logs', logsUrlTemplate.replace('{service}', 'case-service').replace('{trace_id}', ''))]
      : []),
  ];
}
