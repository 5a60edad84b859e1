import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type * as echarts from 'echarts';
import type { Series } from '../../slo/prometheus.ts';
import { axisTo } from './axis.ts';
import { format } from './format.ts';
import { type Canvas, grey, type Named, palette, text, unitOf } from './style.ts';

/** Curves or stacked areas, with their names below and the panel's thresholds as dashed lines. */
export function lines(panel: Panel, data: readonly Named[], canvas: Canvas): echarts.EChartsCoreOption {
  const { width, range } = canvas;
  const unit = unitOf(panel);
  const custom = (panel.fieldConfig?.defaults.custom ?? {}) as { stacking?: { mode?: string } };
  const stacked = custom.stacking?.mode === 'normal';
  const { min, max, thresholds } = panel.fieldConfig?.defaults ?? {};
  const limits = (thresholds?.steps ?? []).filter(({ value: from }) => from !== null);
  const shown = stacked ? stackable(data) : data;
  const top = topOf(shown, stacked);
  const names = data.slice(0, 8).map(({ name }) => name);
  const legendLines = linesOf(names, (width - 16) * 0.88);
  return {
    grid: { left: 72, right: 18, top: 40, bottom: 32 + legendLines * 20 },
    legend: {
      bottom: 4,
      left: 8,
      // The library takes letters for narrower than most fonts have them.
      width: (width - 16) * 0.88,
      type: 'plain',
      itemWidth: 12,
      itemHeight: 3,
      icon: 'rect',
      textStyle: text,
      // A gap of the library's own would also part the lines of a long legend.
      formatter: (name: string) => `${name}\u00a0\u00a0`,
      itemGap: 10,
      data: names,
    },
    xAxis: {
      type: 'time',
      min: range.start * 1_000,
      max: range.end * 1_000,
      axisLine: { lineStyle: { color: grey } },
      splitNumber: Math.max(2, Math.floor(width / 110)),
      axisLabel: { ...text, hideOverlap: true, showMinLabel: false, formatter: '{HH}:{mm}' },
    },
    yAxis: {
      type: 'value',
      ...(min === 0 ? { min, ...axisTo(top, unit, max ?? undefined) } : {}),
      splitLine: { lineStyle: { color: grey, opacity: 0.5 } },
      axisLabel: { ...text, formatter: (y: number) => format(y, unit) },
    },
    series: shown.map((one, index) => ({
      name: one.name,
      type: 'line',
      showSymbol: one.points.length < 3,
      symbolSize: 4,
      ...(stacked ? { stack: 'all' } : {}),
      // A line on top of a stack would show what is not there at all.
      lineStyle: { width: stacked ? 0 : 1.6 },
      itemStyle: { color: colourOf(panel, one.name) ?? palette[index % palette.length] },
      areaStyle: { opacity: stacked ? 0.7 : 0.06 },
      data: withGaps(one.points, range.step).map(([x, y]) => [x * 1_000, Number.isFinite(y) ? y : null]),
      ...(index === 0 ? { markLine: markLine(limits, top) } : {}),
    })),
  };
}

/** A point without a value wherever some are missing: a line across would claim what nobody measured. */
function withGaps(points: Series['points'], step: number): Series['points'] {
  return points.flatMap((point, index) => {
    const [before = point[0]] = points[index - 1] ?? [];
    return point[0] - before > step * 1.5 ? [[before + step, Number.NaN] as const, point] : [point];
  });
}

/** A series that starts later is 0 before: the library stacks points by their position, not by their time. */
function stackable(data: readonly Named[]): Named[] {
  const times = [...new Set(data.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  return data.map((one) => {
    const values = new Map(one.points);
    return { ...one, points: times.map((x) => [x, values.get(x) ?? 0] as const) };
  });
}

/** The highest value, or the highest sum of a stack. */
function topOf(data: readonly Named[], stacked: boolean): number {
  const finite = (y: number | undefined) => (Number.isFinite(y) ? (y as number) : 0);
  if (!stacked) return Math.max(0, ...data.flatMap(({ points }) => points.map(([, y]) => finite(y))));
  const sums = (data[0]?.points ?? []).map((_, index) =>
    data.reduce((sum, { points }) => sum + finite(points[index]?.[1]), 0),
  );
  return Math.max(0, ...sums);
}

/** Lines that a legend needs, at some 6.2 pixels a letter and 50 for mark and gap. */
function linesOf(names: readonly string[], width: number): number {
  let used = 0;
  let count = 1;
  for (const name of names) {
    const needed = name.length * 6.2 + 50;
    if (used + needed > width && used > 0) {
      count += 1;
      used = 0;
    }
    used += needed;
  }
  return count;
}

/** Only thresholds near the data: a far one would flatten the curve. */
function markLine(limits: readonly { value: number | null; color: string }[], top: number) {
  return {
    silent: true,
    symbol: 'none',
    precision: 8,
    label: { show: false },
    data: limits
      .filter(({ value: from }) => (from as number) <= top * 1.5)
      .map(({ value: from, color }) => ({ yAxis: from, lineStyle: { color, type: 'dashed', width: 1 } })),
  };
}

/** The colour that an override gives to a name. */
function colourOf({ fieldConfig }: Panel, name: string): string | undefined {
  for (const { matcher, properties } of fieldConfig?.overrides ?? []) {
    if (matcher.id !== 'byRegexp' || !new RegExp(String(matcher.options)).test(name)) continue;
    const color = properties.find(({ id }) => id === 'color')?.value as { fixedColor?: string } | undefined;
    if (color?.fixedColor) return color.fixedColor;
  }
  return undefined;
}
