import * as prometheus from 'prom-client';

/** Whether a scraper that sends this `Accept` reads OpenMetrics 1.0.0. Prometheus does; a browser or curl does not say so. */
export function readsOpenMetrics(accept = ''): boolean {
  return accept.split(',').some((range) => {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === 'application/openmetrics-text' && !parameters.some(refuses);
  });
}

const refuses = (parameter: string): boolean =>
  /^q=0(\.0*)?$/.test(parameter) || (parameter.startsWith('version=') && parameter !== 'version=1.0.0');

type OpenMetricsRegistry = prometheus.Registry<prometheus.OpenMetricsContentType>;

/**
 * The same metrics for OpenMetrics, where a counter's family is named without `_total`. prom-client cuts it off the
 * metric itself, which would rename the counter in the plain text too: this registry has a view of each counter instead.
 */
export function openMetricsRegistry(of: prometheus.Registry): OpenMetricsRegistry {
  const registry = new prometheus.Registry<prometheus.OpenMetricsContentType>();
  registry.setContentType(prometheus.openMetricsContentType);
  for (const { name } of of.getMetricsAsArray()) {
    const metric = of.getSingleMetric(name);
    if (metric instanceof prometheus.Counter) registry.registerMetric(viewOf(metric, name));
    else if (metric !== undefined) registry.registerMetric(metric);
  }
  return registry;
}

function viewOf(counter: prometheus.Counter, counted: string): prometheus.Metric {
  const name = counted.replace(/_total$/, '');
  const view = { name, type: 'counter', get: async () => ({ ...(await counter.get()), name }) };
  // All that a registry asks of a metric when it writes it.
  return view as unknown as prometheus.Metric;
}
