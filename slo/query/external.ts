import type { Definition } from '../../contract/metrics.ts';

/**
 * Metrics of other programs that rules and panels use: type and labels, as Redis exporter 1.45 to 1.86, Prometheus 2.42
 * to 3, Alertmanager 0.25 to 0.34, Grafana 13 and the OpenTelemetry collector expose them.
 */

/** Every job of Prometheus, as the design names them. */
const jobs = [
  'case-service',
  'redis',
  'sentinel',
  'prometheus',
  'alertmanager',
  'grafana',
  'traefik',
  'otel-collector',
] as const;
const commands = { atMost: 80, because: 'commands that the service and the probes use' } as const;

/** Bounds of the edge's histogram, also written to its configuration: the bounds of the objectives, and Traefik's defaults. */
export const edgeBuckets = [0.05, 0.1, 0.25, 0.3, 0.5, 1, 1.2, 2.5, 5, 10] as const;

const gauge = <const L extends Definition['labels']>(help: string, labels: L) =>
  ({ type: 'gauge', help, labels }) as const;
const counter = <const L extends Definition['labels']>(help: string, labels: L) =>
  ({ type: 'counter', help, labels }) as const;

/** `redis_exporter`, job `redis`. */
export const redisExporter = {
  redis_up: gauge('1 while the exporter reaches Redis.', {}),
  redis_memory_used_bytes: gauge('Memory in use.', {}),
  redis_memory_max_bytes: gauge('The limit, `maxmemory`; 0 is none.', {}),
  redis_mem_fragmentation_ratio: gauge('Resident over used memory.', {}),
  redis_connected_clients: gauge('Client connections.', {}),
  redis_config_maxclients: gauge('The limit, `maxclients`.', {}),
  redis_rejected_connections_total: counter('Connections refused at `maxclients`.', {}),
  redis_commands_total: counter('Calls by command.', { cmd: commands }),
  redis_commands_duration_seconds_total: counter('Time spent by command.', { cmd: commands }),
  redis_commands_rejected_calls_total: counter('Calls refused by command: rights, memory, arguments.', {
    cmd: commands,
  }),
  redis_expired_keys_total: counter('Keys gone at their TTL.', {}),
  redis_evicted_keys_total: counter('Keys evicted; must be none under `noeviction`.', {}),
  redis_db_keys: gauge('Keys by database.', { db: { atMost: 16, because: 'databases of one server' } }),
  redis_net_input_bytes_total: counter('Bytes received.', {}),
  redis_net_output_bytes_total: counter('Bytes sent.', {}),
  redis_aof_enabled: gauge('1 while the append-only file is written.', {}),
  redis_aof_last_write_status: gauge('1 when the last write of the append-only file worked.', {}),
  redis_aof_last_bgrewrite_status: gauge('1 when the last rewrite worked.', {}),
  redis_aof_delayed_fsync: gauge('Writes that waited for the disk since the start.', {}),
  redis_instance_info: gauge('1, with the role.', { role: ['master', 'slave'] }),
  redis_connected_slaves: gauge('Replicas connected to this primary.', {}),
  redis_master_link_up: gauge('1 while a replica is linked to its primary.', {}),
  redis_slowlog_length: gauge('Entries in the slow log.', {}),
  redis_start_time_seconds: gauge('When the server started, Unix seconds.', {}),
  redis_key_value: gauge('Value of a watched key.', { db: ['db0'], key: ['backup:v1:last'] }),
} as const;

/** `redis_exporter` asking a Sentinel, job `sentinel`. */
export const sentinelExporter = {
  redis_up: gauge('1 while the exporter reaches the Sentinel.', {}),
  redis_sentinel_master_ckquorum_status: gauge('1 while enough Sentinels agree for a failover.', {
    master_name: ['simple378'],
    message: { atMost: 4, because: 'what Sentinel answers: how many are usable' },
  }),
} as const;

/** Prometheus itself. */
export const prometheusSelf = {
  prometheus_rule_evaluation_failures_total: counter('Rule evaluations that failed.', {
    rule_group: { atMost: 40, because: 'rule groups of this project' },
  }),
  prometheus_config_last_reload_successful: gauge('1 when the last reload worked.', {}),
  prometheus_notifications_dropped_total: counter('Alerts that reached no Alertmanager.', {}),
  prometheus_notifications_errors_total: counter('Failed deliveries to Alertmanager.', {
    alertmanager: { atMost: 4, because: 'Alertmanagers of one environment' },
  }),
  prometheus_notifications_alertmanagers_discovered: gauge('Alertmanagers that Prometheus knows.', {}),
  prometheus_tsdb_head_series: gauge('Series in memory.', {}),
  prometheus_tsdb_storage_blocks_bytes: gauge('Bytes of stored blocks.', {}),
  prometheus_tsdb_wal_corruptions_total: counter('Corruptions of the write-ahead log.', {}),
} as const;

/** Alertmanager. */
export const alertmanagerSelf = {
  alertmanager_notifications_total: counter('Notifications by integration.', {
    integration: ['webhook', 'email', 'slack'],
  }),
  alertmanager_notifications_failed_total: counter('Failed notifications by integration.', {
    integration: ['webhook', 'email', 'slack'],
  }),
  alertmanager_config_last_reload_successful: gauge('1 when the last reload worked.', {}),
} as const;

const edgeLabels = {
  code: { atMost: 64, because: 'HTTP status codes' },
  method: { atMost: 10, because: 'HTTP methods; Traefik counts others as one' },
  protocol: ['http', 'websocket', 'sse'],
  entrypoint: ['https', 'metrics'],
} as const;

/** Traefik 3 as this stack configures it, job `traefik`. */
export const traefik = {
  traefik_entrypoint_requests_total: counter(
    'Requests by entry point, those without a server included.',
    edgeLabels,
  ),
  traefik_entrypoint_request_duration_seconds: {
    type: 'histogram',
    help: 'Duration of requests as the edge answered them.',
    labels: edgeLabels,
    buckets: edgeBuckets,
  },
  traefik_open_connections: gauge('Open connections.', { entrypoint: edgeLabels.entrypoint }),
  traefik_config_reloads_total: counter('Configurations applied.', {}),
  traefik_config_last_reload_success: gauge('When the last configuration was applied, Unix seconds.', {}),
  traefik_tls_certs_not_after: gauge('When a certificate of the edge ends, Unix seconds.', {
    cn: { atMost: 4, because: 'hosts of one environment' },
    sans: { atMost: 4, because: 'hosts of one environment' },
    serial: { atMost: 8, because: 'a certificate and its successors' },
  }),
} as const;

/** The OpenTelemetry collector, job `otel-collector`. Releases before 0.120 leave the suffix `_total` out. */
export const collector = {
  otelcol_receiver_accepted_spans_total: counter('Spans received.', {}),
  otelcol_receiver_refused_spans_total: counter('Spans refused, by the memory limiter for example.', {}),
  otelcol_receiver_refused_spans: counter('The same, in older releases.', {}),
  otelcol_exporter_sent_spans_total: counter('Spans that the store accepted.', {}),
  otelcol_exporter_send_failed_spans_total: counter('Spans that the store did not accept.', {}),
  otelcol_exporter_send_failed_spans: counter('The same, in older releases.', {}),
  otelcol_exporter_enqueue_failed_spans_total: counter('Spans that found the queue full.', {}),
  otelcol_exporter_enqueue_failed_spans: counter('The same, in older releases.', {}),
} as const;

/** What Prometheus adds for each target. */
export const targets = {
  up: gauge('1 when the last scrape of a target worked.', { job: jobs }),
  scrape_samples_scraped: gauge('Samples of the last scrape.', { job: jobs }),
  ALERTS: gauge('1 for each pending or firing alert.', {
    alertstate: ['pending', 'firing'],
    alertname: { atMost: 80, because: 'alerts of this project' },
    severity: ['critical', 'warning', 'none'],
  }),
  process_start_time_seconds: gauge('When a process started, Unix seconds.', { job: jobs }),
} as const;
