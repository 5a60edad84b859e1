import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { prometheusAt, type Range } from '../../slo/prometheus.ts';
import { isRow } from '../finalise.ts';
import type { Named } from './style.ts';

/** A panel with what Prometheus answered. */
export interface Filled {
  readonly panel: Panel;
  readonly data: readonly Named[];
}

/** What to show. */
export interface View {
  readonly prometheus: string;
  readonly environment: string;
  readonly range: Range;
}

/** The panels of a dashboard, rows left out. */
export const panelsOf = ({ panels = [] }: Dashboard): Panel[] =>
  panels.filter((panel): panel is Panel => !isRow(panel));

/** Asks for the data of every panel. @throws QueryFailed */
export async function fill(dashboard: Dashboard, view: View): Promise<Filled[]> {
  const filled: Filled[] = [];
  for (const panel of panelsOf(dashboard)) {
    const data: Named[] = [];
    for (const { expr, legendFormat } of (panel.targets ?? []) as unknown as {
      expr: string;
      legendFormat: string;
    }[]) {
      const series = await prometheusAt(view.prometheus).queryRange(interpolate(expr, view), view.range);
      data.push(...series.map((one) => ({ ...one, name: named(legendFormat, one.labels) })));
    }
    filled.push({ panel, data });
  }
  return filled;
}

/** Puts Grafana's variables into a query; the rate interval is four steps of at least 15 s, as Grafana's own. */
export function interpolate(
  expr: string,
  { environment, range }: Pick<View, 'environment' | 'range'>,
): string {
  return expr
    .replaceAll('$__rate_interval', `${Math.max(60, Math.ceil(range.step) * 4)}s`)
    .replaceAll('$__range', `${Math.ceil(range.end - range.start)}s`)
    .replaceAll('$environment', environment)
    .replaceAll('$instance', '.*');
}

/** The environment that a Prometheus has data of. */
export async function environmentOf(prometheus: string): Promise<string> {
  const [first] = await prometheusAt(prometheus).labelValues('environment', 'up');
  return first ?? 'local';
}

/** When a range begins in which Prometheus has data: later than asked, when it has not run for as long. */
export async function since(prometheus: string, range: Range): Promise<number> {
  const series = await prometheusAt(prometheus).queryRange('up', range);
  return Math.min(range.end - minimum, ...series.map(({ points }) => points[0]?.[0] ?? range.end));
}
/** Seconds that a drawing shows at least: a rate needs a minute. */
const minimum = 120;

const named = (legend: string, labels: Readonly<Record<string, string>>): string =>
  legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '').trim();
