import type { LimiterObserver } from '../../limiter/index.ts';
import type { Metrics } from './metrics.ts';

const states = ['closed', 'open', 'half_open'] as const;

/** Returns an observer that feeds the metrics of a limiter. */
export function metricsObserver(metrics: Metrics): LimiterObserver {
  return {
    decided({ outcome, source, tightest, shadow, rules }, seconds) {
      metrics.ratelimit_decisions_total.inc({
        policy: tightest?.policy ?? 'none',
        decision: outcome,
        source,
      });
      metrics.ratelimit_decision_duration_seconds.observe({ source }, seconds);
      for (const { policy, allowed } of shadow) {
        metrics.ratelimit_shadow_total.inc({ policy, decision: allowed ? 'allow' : 'deny' });
      }
      if (source === 'local' && outcome === 'allow') {
        for (const { policy } of rules) metrics.ratelimit_local_admissions_total.inc({ policy });
      }
    },
    stored(result, seconds) {
      metrics.ratelimit_store_duration_seconds.observe({ result }, seconds);
    },
    breaker(now) {
      for (const state of states) metrics.ratelimit_breaker_state.set({ state }, state === now ? 1 : 0);
      metrics.limiter_degraded.set({}, now === 'closed' ? 0 : 1);
    },
  };
}
