import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as echarts from 'echarts';
import { format } from './format.ts';
import type { Series } from './prometheus.ts';

/** A panel's series by the name that its legend gives. */
export interface Named extends Series {
  readonly name: string;
}

/** How large a drawing is, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Okabe and Ito's palette, as on the dashboards. */
const palette = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#F0E442', '#999999'];
const text = { color: '#c7ced9', fontFamily: 'Inter, Helvetica, Arial, sans-serif', fontSize: 11 };
const grey = '#39404d';

/** A panel as SVG with real data; the title is in the drawing, so that it stands alone. */
export function draw(panel: Panel, data: readonly Named[], size: Size): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ ...frame(panel), ...content(panel, data, size) });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function frame({ title = '' }: Panel): echarts.EChartsCoreOption {
  return {
    animation: false,
    backgroundColor: '#181b1f',
    textStyle: text,
    color: palette,
    title: {
      text: title,
      left: 10,
      top: 6,
      textStyle: { ...text, fontSize: 13, fontWeight: 500, color: '#e6e9ef' },
    },
  };
}

function content(panel: Panel, data: readonly Named[], size: Size): echarts.EChartsCoreOption {
  const kinds: Record<string, typeof lines> = { timeseries: lines, stat: value, heatmap, table };
  if (data.length === 0) return label(panel.fieldConfig?.defaults.noValue ?? 'no data', size, '#8b93a1', 14);
  return (kinds[panel.type] ?? lines)(panel, data, size);
}

const unitOf = ({ fieldConfig }: Panel): string => fieldConfig?.defaults.unit ?? 'short';
const last = ({ points }: Series): number =>
  points.findLast(([, y]) => Number.isFinite(y))?.[1] ?? Number.NaN;

function lines(panel: Panel, data: readonly Named[], { width }: Size): echarts.EChartsCoreOption {
  const unit = unitOf(panel);
  const custom = (panel.fieldConfig?.defaults.custom ?? {}) as { stacking?: { mode?: string } };
  const stacked = custom.stacking?.mode === 'normal';
  const { min, max, thresholds } = panel.fieldConfig?.defaults ?? {};
  const limits = (thresholds?.steps ?? []).filter(({ value: from }) => from !== null);
  const top = Math.max(...data.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite), 0);
  const names = data.slice(0, 8).map(({ name }) => name);
  const legendLines = linesOf(names, width - 24);
  return {
    grid: { left: 62, right: 16, top: 36, bottom: 34 + legendLines * 18 },
    legend: {
      bottom: 4,
      left: 8,
      width: width - 16,
      type: 'plain',
      itemWidth: 12,
      itemHeight: 3,
      icon: 'rect',
      textStyle: text,
      itemGap: 14,
      data: names,
    },
    xAxis: {
      type: 'time',
      axisLine: { lineStyle: { color: grey } },
      splitNumber: 4,
      axisLabel: { ...text, hideOverlap: true, formatter: '{HH}:{mm}:{ss}' },
    },
    yAxis: {
      type: 'value',
      ...(min === undefined ? {} : { min }),
      // An axis for zeros only: the library would choose one of its own, up to 120 %.
      ...(max !== undefined ? { max } : top === 0 ? { max: unit === 'percentunit' ? 0.01 : 1 } : {}),
      splitNumber: 4,
      splitLine: { lineStyle: { color: grey, opacity: 0.5 } },
      axisLabel: { ...text, formatter: (y: number) => format(y, unit) },
    },
    series: data.map((one, index) => ({
      name: one.name,
      type: 'line',
      showSymbol: one.points.length < 3,
      symbolSize: 4,
      ...(stacked ? { stack: 'all' } : {}),
      lineStyle: { width: 1.6 },
      itemStyle: { color: colourOf(panel, one.name) ?? palette[index % palette.length] },
      areaStyle: { opacity: stacked ? 0.35 : 0.06 },
      data: one.points.map(([x, y]) => [x * 1_000, Number.isFinite(y) ? y : null]),
      ...(index === 0 ? { markLine: markLine(limits, top) } : {}),
    })),
  };
}

/** Lines that a legend needs, at some 6.2 pixels a letter and 26 for mark and gap. */
function linesOf(names: readonly string[], width: number): number {
  let used = 0;
  let count = 1;
  for (const name of names) {
    const needed = name.length * 6.2 + 26;
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

function value(panel: Panel, data: readonly Named[], size: Size): echarts.EChartsCoreOption {
  const [first] = data;
  const now = first ? last(first) : Number.NaN;
  const steps = panel.fieldConfig?.defaults.thresholds?.steps ?? [];
  const color = steps.filter(({ value: from }) => from === null || now >= from).at(-1)?.color ?? palette[0];
  return {
    ...label(format(now, unitOf(panel)), size, String(color), 30),
    grid: { left: 0, right: 0, top: '62%', bottom: 0 },
    xAxis: { type: 'time', show: false },
    yAxis: { type: 'value', show: false, scale: true },
    series: [
      {
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 1, color },
        areaStyle: { color, opacity: 0.2 },
        data: (first?.points ?? []).map(([x, y]) => [x * 1_000, y]),
      },
    ],
  };
}

/** Cumulative buckets become counts per bucket: what a heatmap's cells mean. */
function heatmap(_: Panel, data: readonly Named[]): echarts.EChartsCoreOption {
  const ordered = [...data].sort((a, b) => bound(a.name) - bound(b.name));
  const times = [...new Set(ordered.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const cells = ordered.flatMap(({ points }, row) => {
    const below = new Map(ordered[row - 1]?.points ?? []);
    return points.map(([x, y]) => [times.indexOf(x), row, Math.max(0, y - (below.get(x) ?? 0))]);
  });
  const busiest = Math.max(...cells.map(([, , count]) => count ?? 0), 1);
  return {
    grid: { left: 62, right: 16, top: 36, bottom: 30 },
    xAxis: {
      type: 'category',
      data: times.map((time) => new Date(time * 1_000).toISOString().slice(11, 16)),
      axisLabel: text,
      axisLine: { lineStyle: { color: grey } },
    },
    yAxis: {
      type: 'category',
      data: ordered.map(({ name }) => (name === '+Inf' ? '> max' : format(bound(name), 's'))),
      axisLabel: text,
    },
    visualMap: {
      show: false,
      min: 0,
      max: busiest,
      inRange: { color: ['#181b1f', '#00204c', '#31446b', '#666970', '#958f78', '#cab969', '#ffea46'] },
    },
    series: [{ type: 'heatmap', data: cells.filter(([, , count]) => (count ?? 0) > 0) }],
  };
}
const bound = (le: string): number => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));

function table(_: Panel, data: readonly Named[]): echarts.EChartsCoreOption {
  const rows = data
    .slice(0, 8)
    .map(({ name, labels }) => `${labels.severity ?? ''}  ${name}  ${labels.slo ?? ''}`);
  return {
    graphic: rows.map((row, index) => ({
      type: 'text',
      left: 14,
      top: 40 + index * 22,
      style: { text: row, fill: text.color, font: `13px ${text.fontFamily}` },
    })),
  };
}

function label(words: string, { height }: Size, fill: string, fontSize: number): echarts.EChartsCoreOption {
  return {
    graphic: [
      {
        type: 'text',
        left: 'center',
        top: height * 0.42 - fontSize / 2,
        style: { text: words, fill, font: `${fontSize > 20 ? 600 : 400} ${fontSize}px ${text.fontFamily}` },
      },
    ],
  };
}
