import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as sdk from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { catalogue, type Definition } from '../contract/metrics.ts';
import { print } from '../slo/query/promql.ts';
import { isClosed } from '../slo/query/selectors.ts';
import type { Panel, Query } from './model/board.ts';

/** The data source of every query: the variable, so that one file serves all environments. */
export const datasource = { type: 'prometheus', uid: '$datasource' } as const;

/** Okabe and Ito's palette: told apart with any colour vision. */
const colour = {
  ok: '#0072B2',
  warning: '#E69F00',
  critical: '#D55E00',
  calm: '#56B4E9',
  quiet: '#999999',
} as const;
/** Series whose name means good or bad, the same colour on all panels. */
const meanings = {
  ok: ['success', 'allow', 'hit', 'ok', '2xx', 'rotated', 'applied', 'closed'],
  warning: ['deny', '4xx', 'throttled', 'half_open', 'timeout', 'conflict'],
  critical: ['failure', 'unavailable', 'error', '5xx', 'reuse', 'open', 'bad'],
  calm: ['miss', 'overloaded', 'replayed'],
  quiet: ['3xx', 'invalid'],
} as const satisfies Record<keyof typeof colour, readonly string[]>;
type AnyPanel = timeseries.PanelBuilder & stat.PanelBuilder & heatmap.PanelBuilder & table.PanelBuilder;

/** Grafana's builder of a panel; `height` in grid units of 30 pixels. */
export function panelBuilder(panel: Panel, height: number): Builder<sdk.Panel> {
  const builder = {
    timeseries: timeseriesPanel,
    stat: statPanel,
    heatmap: heatmapPanel,
    table: tablePanel,
  }[panel.kind](panel) as AnyPanel;
  builder
    .title(panel.title)
    .description(
      [panel.description, panel.action, ...(panel.awaits ? [`No data until ${panel.awaits}.`] : [])].join(
        ' ',
      ),
    )
    .datasource(datasource)
    .span(panel.span ?? 12)
    .height(height)
    .unit(panel.unit ?? panel.queries[0]?.expr.unit ?? '');
  if (panel.min !== undefined) builder.min(panel.min);
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.awaits) builder.noValue('none yet');
  for (const query of panel.queries) builder.withTarget(target(panel, query));
  return builder;
}

function target({ kind }: Panel, { expr, legend, exemplars }: Query): DataqueryBuilder {
  const query = new DataqueryBuilder()
    .datasource(datasource)
    .expr(print(expr))
    .legendFormat(legend)
    .editorMode('code' as never);
  if (kind === 'table') return query.instant().format(PromQueryFormat.Table);
  query.range();
  if (kind === 'heatmap') query.format(PromQueryFormat.Heatmap);
  return exemplars ? query.exemplar(true) : query;
}

function thresholds({ thresholds: given = [] }: Panel): sdk.ThresholdsConfigBuilder {
  return new sdk.ThresholdsConfigBuilder().mode(sdk.ThresholdsMode.Absolute).steps([
    // What only becomes well further up is not well at the bottom.
    { value: null, color: given.some(({ state }) => state === 'ok') ? colour.critical : colour.ok },
    ...given.map(({ from, state }) => ({ value: from, color: colour[state] })),
  ]);
}

function timeseriesPanel(panel: Panel): timeseries.PanelBuilder {
  const builder = new timeseries.PanelBuilder()
    .colorScheme(new sdk.FieldColorBuilder().mode(sdk.FieldColorModeId.PaletteClassic))
    // Areas without lines where they are stacked: the line of a series that is 0 would lie on top of all others.
    .lineWidth(panel.stacked ? 0 : 2)
    .fillOpacity(panel.stacked ? 70 : 5)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs(['lastNotNull']),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (panel.stacked) builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (panel.thresholds)
    builder
      .thresholds(thresholds(panel))
      .thresholdsStyle(
        new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
      );
  const shown = seriesNames(panel);
  for (const [meaning, names] of Object.entries(meanings)) {
    const used = (names as readonly string[]).filter((name) => shown.has(name));
    if (used.length > 0)
      builder.overrideByRegexp(`^(${used.join('|')})$`, [
        { id: 'color', value: { mode: 'fixed', fixedColor: colour[meaning as keyof typeof meanings] } },
      ]);
  }
  return builder;
}

/** The names that a panel's series can have: its legends, and the values of labels that are a legend by themselves. */
function seriesNames({ queries }: Panel): ReadonlySet<string> {
  return new Set(
    queries.flatMap(({ legend }) => {
      const label = /^\{\{(\w+)\}\}$/.exec(legend)?.[1];
      return label === undefined ? [legend] : (labelValues.get(label) ?? []);
    }),
  );
}
const labelValues = new Map<string, readonly string[]>();
for (const { labels } of Object.values<Definition>(catalogue))
  for (const [label, domain] of Object.entries(labels))
    if (isClosed(domain)) labelValues.set(label, [...(labelValues.get(label) ?? []), ...domain]);

function statPanel(panel: Panel): stat.PanelBuilder {
  return new stat.PanelBuilder()
    .thresholds(thresholds(panel))
    .colorScheme(new sdk.FieldColorBuilder().mode(sdk.FieldColorModeId.Thresholds))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function heatmapPanel({ unit }: Panel): heatmap.PanelBuilder {
  return new heatmap.PanelBuilder()
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(unit ?? 's'))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Cividis')
        .steps(64),
    );
}

function tablePanel(): table.PanelBuilder {
  return new table.PanelBuilder().withTransformation({
    id: 'organize',
    options: {
      excludeByName: { Time: true, __name__: true, environment: true, job: true, alertstate: true },
    },
  });
}
