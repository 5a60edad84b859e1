/** Port numbers of the stack in a cluster, by name. Pods name their ports so; Services and NetworkPolicies use the names. */
export const ports = {
  api: 8443,
  internal: 9464,
  redis: 6379,
  sentinel: 26_379,
  exporter: 9121,
  prometheus: 9090,
  alertmanager: 9093,
  grafana: 3000,
  https: 8443,
  edgeMetrics: 9100,
  otlp: 4318,
  collectorMetrics: 8888,
  traceQuery: 16_686,
} as const;
