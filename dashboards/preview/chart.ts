import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as echarts from 'echarts';
import type { Series } from '../../slo/prometheus.ts';
import { format } from './format.ts';
import { lines } from './lines.ts';
import { type Canvas, grey, type Named, palette, text, unitOf } from './style.ts';

/** A panel as SVG with real data; the title is in the drawing, so that it stands alone. */
export function draw(panel: Panel, data: readonly Named[], canvas: Canvas): string {
  const { width, height } = canvas;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ ...frame(panel), ...content(panel, data, canvas) });
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

function content(panel: Panel, data: readonly Named[], canvas: Canvas): echarts.EChartsCoreOption {
  const kinds: Record<string, typeof lines> = { timeseries: lines, stat: value, heatmap, table };
  if (data.length === 0)
    return label(panel.fieldConfig?.defaults.noValue ?? 'no data', canvas, '#8b93a1', 14);
  return (kinds[panel.type] ?? lines)(panel, data, canvas);
}

const last = ({ points }: Series): number =>
  points.findLast(([, y]) => Number.isFinite(y))?.[1] ?? Number.NaN;

function value(panel: Panel, data: readonly Named[], canvas: Canvas): echarts.EChartsCoreOption {
  const [first] = data;
  const now = first ? last(first) : Number.NaN;
  const steps = panel.fieldConfig?.defaults.thresholds?.steps ?? [];
  const color = steps.filter(({ value: from }) => from === null || now >= from).at(-1)?.color ?? palette[0];
  return {
    ...label(format(now, unitOf(panel)), canvas, String(color), 30),
    grid: { left: 0, right: 0, top: '62%', bottom: 0 },
    xAxis: { type: 'time', show: false, min: canvas.range.start * 1_000, max: canvas.range.end * 1_000 },
    yAxis: { type: 'value', show: false, scale: true },
    series: [
      {
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 1, color },
        areaStyle: { color, opacity: 0.2, origin: 'start' },
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
    grid: { left: 72, right: 18, top: 40, bottom: 30 },
    xAxis: {
      type: 'category',
      data: times.map(clockTime),
      // A label where a minute begins, and not on each of its columns.
      axisLabel: {
        ...text,
        hideOverlap: true,
        interval: (index: number) => index > 0 && clockTime(times[index]) !== clockTime(times[index - 1]),
      },
      axisTick: { show: false },
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
const clockTime = (time = 0): string => {
  const at = new Date(time * 1_000);
  return [at.getHours(), at.getMinutes()].map((count) => String(count).padStart(2, '0')).join(':');
};
const bound = (le: string): number => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));

/** Labels that say nothing in a row, as the dashboards' tables leave them out. */
const same = new Set(['__name__', 'environment', 'job', 'alertstate']);

function table(_: Panel, data: readonly Named[]): echarts.EChartsCoreOption {
  const rows = data.slice(0, 8).map(({ name, labels: { severity = '', ...labels } }) => {
    const others = Object.entries(labels).filter(([label, value]) => !same.has(label) && value !== name);
    return [severity, name, ...others.map(([label, value]) => `${label} ${value}`)].join('   ');
  });
  return {
    graphic: rows.map((row, index) => ({
      type: 'text',
      left: 14,
      top: 40 + index * 22,
      style: { text: row, fill: text.color, font: `13px ${text.fontFamily}` },
    })),
  };
}

function label(
  words: string,
  { width, height }: Canvas,
  fill: string,
  fontSize: number,
): echarts.EChartsCoreOption {
  const font = `${fontSize > 20 ? 600 : 400} ${fontSize}px ${text.fontFamily}`;
  return {
    graphic: [
      {
        type: 'text',
        // Not `left: center`: the library does not know how wide the reader's font is.
        x: width / 2,
        y: height * 0.42,
        style: { text: words, fill, font, align: 'center', verticalAlign: 'middle' },
      },
    ],
  };
}
