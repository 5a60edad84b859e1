import type { ObjectiveId } from '../objectives/objectives.ts';
import { mul, over, sub, time } from './promql.ts';
import type { AnyWindow } from './recorded.ts';
import { record } from './selectors.ts';

/** Seconds of a window for which events were recorded: less than the window in a young environment. */
export const observedSeconds = (slo: ObjectiveId, window: AnyWindow) =>
  sub(time(), over('min', record.gauge('slo:events:timestamp_seconds', { slo }), window));

/** Bad events in a window, as counted: a young environment's are not extrapolated to the window. */
export const badEvents = (slo: ObjectiveId, window: AnyWindow) =>
  mul(over('avg', record.gauge('slo:errors:rate5m', { slo }), window), observedSeconds(slo, window));
