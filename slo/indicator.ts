import type { Objective } from './index.ts';
import { add, type Duration, mul, or, rate, sub, sum } from './promql.ts';
import { app, type Counter, type Instant } from './selectors.ts';

/** An objective's events and bad events per second, from the service's own metrics. */
export interface Rates {
  readonly events: Instant<'environment'>;
  readonly errors: Instant<'environment'>;
}

/**
 * The rates behind an objective's indicator, over a window. Errors are 0, not absent, while there are events and nothing
 * went wrong: a counter's series appears only with its first event.
 */
export function rates({ indicator }: Pick<Objective, 'indicator'>, window: Duration): Rates {
  const perSecond = (counter: Counter<string>) => sum(rate(counter, window), ['environment']);
  if (indicator.kind === 'latency') {
    const { metric, of, withinSeconds } = indicator;
    const events = perSecond(app.observations(metric, of));
    return { events, errors: sub(events, perSecond(app.within(metric, withinSeconds, of))) };
  }
  // The union of metrics is checked where objectives are written; here any of them will do.
  const { metric, of, bad } = indicator as {
    metric: 'http_requests_total';
    of: object;
    bad: readonly object[];
  };
  const events = perSecond(app.counter(metric, of));
  const none = mul(events, 0);
  const parts = bad.map((selection) => or(perSecond(app.counter(metric, { ...of, ...selection })), none));
  return { events, errors: parts.reduce((total, part) => add(total, part)) };
}
