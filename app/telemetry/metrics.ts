import * as prometheus from 'prom-client';
import {
  type Catalogue,
  catalogue,
  type Definition,
  type LabelsOf,
  type MetricName,
} from '../../contract/metrics.ts';
import { exemplarOfActiveTrace } from './exemplar.ts';
import { openMetricsRegistry, readsOpenMetrics } from './open-metrics.ts';

type Instrument<N extends MetricName> = Catalogue[N]['type'] extends 'counter'
  ? { inc(labels: LabelsOf<N>, value?: number): void }
  : Catalogue[N]['type'] extends 'histogram'
    ? { observe(labels: LabelsOf<N>, value: number): void }
    : {
        set(labels: LabelsOf<N>, value: number): void;
        remove(labels: LabelsOf<N>): void;
        /** Removes every series: nothing is known. */
        reset(): void;
        /** Called before each exposition. */
        collectWith(update: () => void | Promise<void>): void;
      };

/** One instrument per metric of the catalogue, typed by its labels. */
export type Metrics = { readonly [N in MetricName]: Instrument<N> } & {
  /** The registry they are in; `metrics()` is the exposition as plain text. */
  readonly registry: prometheus.Registry;
  /** What a scrape is answered: OpenMetrics, which alone has exemplars, where `Accept` says that it is read. */
  expose(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }>;
};

/** Makes the service's instruments in a registry of their own, so that several services fit in one process. */
export function createMetrics(): Metrics {
  const registry = new prometheus.Registry();
  const entries = Object.entries(catalogue as Record<string, Definition>).map(
    ([name, definition]) => [name, instrument(registry, name, definition)] as const,
  );
  const openMetrics = openMetricsRegistry(registry);
  const expose: Metrics['expose'] = async (accept) => {
    const chosen = readsOpenMetrics(accept) ? openMetrics : registry;
    return { contentType: chosen.contentType, text: await chosen.metrics() };
  };
  return Object.assign(Object.fromEntries(entries), { registry, expose }) as unknown as Metrics;
}

function instrument(registry: prometheus.Registry, name: string, definition: Definition): unknown {
  const common = {
    name,
    help: definition.help,
    labelNames: Object.keys(definition.labels),
    registers: [registry],
  };
  switch (definition.type) {
    case 'counter': {
      const counter = new prometheus.Counter(common);
      for (const labels of closedSeries(definition)) counter.inc(labels, 0);
      const inc = counter.inc.bind(counter) as (labels: object, value?: number) => void;
      return Object.assign(counter, {
        inc: (labels: object, value = 1) => harmless(() => inc(labels, value)),
      });
    }
    case 'histogram': {
      const buckets = [...(definition.buckets ?? [])];
      // A duration of this process; the age of data says nothing about the trace.
      const timesRequests = name.endsWith('_duration_seconds');
      // prom-client lets metrics with exemplars into a registry of plain text only this way; they are left out there.
      const histogram = new prometheus.Histogram({
        ...common,
        buckets,
        registers: [],
        enableExemplars: true,
      });
      registry.registerMetric(histogram);
      return {
        observe: (labels: prometheus.LabelValues<string>, value: number) =>
          harmless(() =>
            histogram.observe({
              labels,
              value,
              exemplarLabels: timesRequests ? exemplarOfActiveTrace(value) : {},
            }),
          ),
      };
    }
    case 'gauge': {
      let update: (() => void | Promise<void>) | undefined;
      const gauge = new prometheus.Gauge({ ...common, collect: () => update?.() });
      const set = gauge.set.bind(gauge) as (labels: object, value: number) => void;
      const reset = gauge.reset.bind(gauge);
      const clear = () => (common.labelNames.length === 0 ? gauge.remove() : reset());
      // prom-client starts a gauge without labels at 0, which would be a claim.
      clear();
      return Object.assign(gauge, {
        set: (labels: object, value: number) => harmless(() => set(labels, value)),
        reset: clear,
        collectWith(next: () => void | Promise<void>) {
          update = next;
        },
      });
    }
  }
}

/** No metric may fail the request that it measures: a value that prom-client refuses, such as NaN, is left out. */
function harmless(update: () => void): void {
  try {
    update();
  } catch {
    // Nothing: the request goes on.
  }
}

/**
 * Every combination of labels that can occur, when all their domains are closed. Such counters start at 0: of a series
 * that appears with its first event, `increase()` never sees that event, and an alert on it stays silent.
 */
function closedSeries({ labels }: Definition): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (series, [label, domain]) =>
      'atMost' in domain ? [] : series.flatMap((one) => domain.map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}
