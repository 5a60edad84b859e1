import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ServedCertificate } from '../settings/certificate.ts';
import type { Secrets } from '../settings/secrets.ts';
import type { Settings } from '../settings/settings.ts';
import type { Metrics } from './metrics.ts';

/** Milliseconds over which the event loop's delay is summed up. */
const lagWindow = 10_000;

/** Measures the process at each scrape. */
export interface ProcessState {
  readonly settings: Settings;
  readonly version: string;
  readonly secrets: { readonly current: Secrets };
  readonly certificate: { readonly current: ServedCertificate };
  readonly lifecycle: { readonly draining: boolean };
}

/** Feeds event-loop delay, key age, certificate expiry, draining and build; returns how to stop. */
export function measureProcess(metrics: Metrics, state: ProcessState): () => void {
  const { settings, version, secrets, certificate, lifecycle } = state;
  metrics.build_info.set({ version, environment: settings.ENVIRONMENT }, 1);
  metrics.jwt_key_age_seconds.collectWith(() => {
    const { createdAt } = secrets.current.tokenKeys.active;
    metrics.jwt_key_age_seconds.set({}, (Date.now() - createdAt.getTime()) / 1_000);
  });
  metrics.tls_cert_expiry_timestamp_seconds.collectWith(() =>
    metrics.tls_cert_expiry_timestamp_seconds.set({}, certificate.current.expires.getTime() / 1_000),
  );
  metrics.process_draining.collectWith(() => metrics.process_draining.set({}, lifecycle.draining ? 1 : 0));

  metrics.process_start_time_seconds.set({}, Math.round(performance.timeOrigin / 1_000));
  let cpuSeconds = 0;
  metrics.process_resident_memory_bytes.collectWith(() => {
    metrics.process_resident_memory_bytes.set({}, process.memoryUsage.rss());
    // A counter has no hook of its own; the catalogue lists it after this gauge.
    const { user, system } = process.cpuUsage();
    const used = (user + system) / 1e6;
    metrics.process_cpu_seconds_total.inc({}, Math.max(0, used - cpuSeconds));
    cpuSeconds = used;
  });

  const resolution = 10;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  metrics.event_loop_lag_seconds.collectWith(() => {
    for (const quantile of ['0.5', '0.99'] as const) {
      // What is measured is the time between two looks, which is the resolution when there is no delay.
      const seconds = delay.percentile(Number(quantile) * 100) / 1e9 - resolution / 1_000;
      metrics.event_loop_lag_seconds.set({ quantile }, Math.max(0, seconds));
    }
  });
  // A percentile hides one stall of two seconds, so the longest one is shown too.
  const stalls = monitorEventLoopDelay({ resolution });
  stalls.enable();
  metrics.event_loop_stall_seconds.collectWith(() => {
    const seconds = stalls.count === 0 ? 0 : stalls.max / 1e9 - resolution / 1_000;
    metrics.event_loop_stall_seconds.set({}, Math.max(0, seconds));
    stalls.reset();
  });
  const timer = setInterval(() => delay.reset(), lagWindow);
  timer.unref();
  return () => {
    clearInterval(timer);
    delay.disable();
    stalls.disable();
  };
}
