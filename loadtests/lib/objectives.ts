import { budget, loadThresholds, type ObjectiveId, objective } from '../../slo/objectives/objectives.ts';
import type { Bounds } from '../scenarios/breakpoint.ts';
import type { Request } from '../scenarios/requests.ts';

const latency = objective('api-latency').indicator;

/** The tag that says by which objective a request's duration is judged; logins and exports have none here. */
export function judgedBy({ route }: Request): { readonly slo?: ObjectiveId } {
  const left = latency.kind === 'latency' && 'route' in latency.of ? latency.of.route : undefined;
  const excluded = typeof left === 'object' && (left.not as readonly string[]).includes(route);
  return excluded ? {} : { slo: 'api-latency' };
}

/** The thresholds of the objectives for one scenario, over the requests that they are about. */
export function thresholds(scenario: string): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(loadThresholds(scenario)).map(([metric, limits]) => [
      metric.startsWith('http_req_duration') ? metric.replace('}', ',slo:api-latency}') : metric,
      limits,
    ]),
  );
}

/** What a step of the breakpoint must keep: the objectives, at the percentile that a short step can tell. */
export const bounds: Bounds = {
  p95: latency.kind === 'latency' ? latency.withinSeconds * 1000 : 0,
  failed: budget(objective('api-availability')),
};
