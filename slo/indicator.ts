import type { Objective } from './objectives/objectives.ts';
import type { Counter, Duration, Instant } from './query/expression.ts';
import { add, larger, mul, or, rate, smaller, sub, sum } from './query/promql.ts';
import { app, edge } from './query/selectors.ts';

/** An objective's events and bad events per second. */
export interface Rates {
  readonly events: Instant<'environment'>;
  readonly errors: Instant<'environment'>;
}

/**
 * The rates behind an objective's indicator, over a window. Errors are 0, not absent, while there are events and nothing
 * went wrong: a counter's series appears only with its first event.
 * @param hasEdge whether this stack runs the edge, whose counters include requests that no replica answered
 */
export function rates({ indicator }: Pick<Objective, 'indicator'>, window: Duration, hasEdge = true): Rates {
  const perSecond = (counter: Counter<string>) => sum(rate(counter, window), ['environment']);
  if (indicator.kind === 'latency') {
    const { metric, of, withinSeconds, refused } = indicator;
    const events = perSecond(app.observations(metric, of));
    const slow = sub(events, perSecond(app.within(metric, withinSeconds, of)));
    if (!refused) return { events, errors: slow };
    const all = larger(events, perSecond(app.counter(refused.metric, refused.of)));
    const none = mul(all, 0);
    const turnedAway = refused.bad.map((selection) => perSecond(app.counter(refused.metric, selection)));
    const bad = [slow, ...turnedAway].map((part) => or(part, none)).reduce((total, part) => add(total, part));
    return { events: all, errors: smaller(bad, all) };
  }
  // The union of metrics is checked where objectives are written; here any of them will do.
  const { metric, of, bad, orAtEdge } = indicator as {
    metric: 'http_requests_total';
    of: object;
    bad: readonly object[];
    orAtEdge?: true;
  };
  const answered = perSecond(app.counter(metric, of));
  const atEdge = hasEdge && orAtEdge;
  const events = atEdge ? larger(answered, perSecond(edge.counter(edgeRequests, edgeTraffic))) : answered;
  const none = mul(events, 0);
  const failed = bad
    .map((selection) => or(perSecond(app.counter(metric, { ...of, ...selection })), none))
    .reduce((total, part) => add(total, part));
  if (!atEdge) return { events, errors: failed };
  const failedAtEdge = perSecond(edge.counter(edgeRequests, { ...edgeTraffic, code: { matching: '5..' } }));
  return { events, errors: larger(failed, failedAtEdge) };
}

const edgeRequests = 'traefik_entrypoint_requests_total';
const edgeTraffic = { entrypoint: { not: ['metrics'] } } as const;
