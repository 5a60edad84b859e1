import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Range, Series } from '../../slo/prometheus.ts';

/** A panel's series by the name that its legend gives. */
export interface Named extends Series {
  readonly name: string;
}

/** How large a drawing is, in pixels, and what time it shows: the same on all of them, as on a dashboard. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly range: Range;
}

/** Okabe and Ito's palette, as on the dashboards. */
export const palette = [
  '#0072B2',
  '#E69F00',
  '#009E73',
  '#CC79A7',
  '#56B4E9',
  '#D55E00',
  '#F0E442',
  '#999999',
];
export const text = { color: '#c7ced9', fontFamily: 'Inter, Helvetica, Arial, sans-serif', fontSize: 11 };
export const grey = '#39404d';

/** Grafana's unit of a panel. */
export const unitOf = ({ fieldConfig }: Panel): string => fieldConfig?.defaults.unit ?? 'short';
