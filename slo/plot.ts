import * as echarts from 'echarts';
import { burnThreshold, percent } from './alerts/burn.ts';
import type { Objective } from './objectives/objectives.ts';
import type { Simulation } from './simulator.ts';

const colours = ['#D55E00', '#E69F00', '#0072B2', '#009E73'];

/** A simulation as SVG: the share of bad events over each long window, the alerts' lines, and when they fire. */
export function plot(objective: Objective, { minutes, firings }: Simulation): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 420 });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      title: { text: `${objective.title}: burn and alerts`, left: 16, top: 8, textStyle: { fontSize: 15 } },
      legend: { bottom: 6, data: firings.map(({ burn }) => burn.long) },
      grid: { left: 70, right: 24, top: 48, bottom: 70 },
      xAxis: { type: 'value', name: 'minutes', nameLocation: 'middle', nameGap: 26, max: minutes.length },
      yAxis: { type: 'value', axisLabel: { formatter: (share: number) => percent(share) } },
      series: firings.map(({ burn, fires, resolves }, index) => ({
        name: burn.long,
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 2 },
        itemStyle: { color: colours[index] },
        data: minutes.map(({ minute, ratios }) => [minute, ratios[burn.long]]),
        markLine: {
          silent: true,
          symbol: 'none',
          precision: 8,
          lineStyle: { color: colours[index], type: 'dashed', width: 1 },
          label: { formatter: `${burn.factor} ×`, position: 'insideStartTop', color: colours[index] },
          data: [{ yAxis: burnThreshold(objective, burn) }],
        },
        ...(fires === null
          ? {}
          : {
              markArea: {
                silent: true,
                itemStyle: { color: colours[index], opacity: 0.12 },
                label: { position: ['1%', `${2 + index * 7}%`], color: colours[index], fontSize: 11 },
                data: [
                  [
                    { xAxis: fires, name: `${burn.severity} fires at ${fires}` },
                    { xAxis: resolves ?? minutes.length },
                  ],
                ],
              },
            }),
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
