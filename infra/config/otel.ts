/** The collector's configuration, as an object to be printed as YAML: traces in over TLS, sampled, out to the store. */
export function collectorConfig(input: {
  readonly otlpPort: number;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly storeEndpoint: string;
  /** File of the authority that the store's certificate is checked by; the system's when absent. */
  readonly storeAuthority?: string;
  readonly tlsDirectory: string;
  /** Memory of the pod in MiB; the limiter refuses before the kernel kills. */
  readonly memory: number;
  /** Address to listen on; `[::]` takes IPv6, too. */
  readonly bind?: string;
}) {
  const bind = input.bind ?? '0.0.0.0';
  const tls = { cert_file: `${input.tlsDirectory}/tls.crt`, key_file: `${input.tlsDirectory}/tls.key` };
  return {
    receivers: {
      otlp: {
        protocols: {
          http: {
            endpoint: `${bind}:${input.otlpPort}`,
            max_request_body_size: 4_194_304,
            tls: { ...tls, min_version: '1.2', reload_interval: '1m' },
          },
        },
      },
    },
    processors: {
      memory_limiter: {
        check_interval: '1s',
        limit_mib: Math.floor(input.memory * 0.8),
        spike_limit_mib: Math.floor(input.memory * 0.2),
      },
      // Errors and slow requests always, the rest as the service sampled it.
      tail_sampling: {
        decision_wait: '5s',
        num_traces: 10_000,
        policies: [
          { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
          { name: 'slow', type: 'latency', latency: { threshold_ms: 250 } },
          { name: 'rest', type: 'probabilistic', probabilistic: { sampling_percentage: 25 } },
        ],
      },
      batch: { timeout: '2s', send_batch_size: 512 },
    },
    exporters: {
      otlphttp: {
        endpoint: input.storeEndpoint,
        tls: input.storeAuthority ? { ca_file: input.storeAuthority } : {},
        sending_queue: { queue_size: 500 },
        retry_on_failure: { max_elapsed_time: '60s' },
      },
    },
    extensions: { health_check: { endpoint: `${bind}:${input.healthPort}` } },
    service: {
      extensions: ['health_check'],
      telemetry: {
        logs: { level: 'warn', encoding: 'json' },
        metrics: {
          level: 'normal',
          readers: [
            {
              pull: {
                exporter: { prometheus: { host: bind.replace(/^\[(.*)\]$/, '$1'), port: input.metricsPort } },
              },
            },
          ],
        },
      },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['memory_limiter', 'tail_sampling', 'batch'],
          exporters: ['otlphttp'],
        },
      },
    },
  };
}

/** Jaeger's configuration: OTLP in over TLS, traces on disk for a while, queries for Grafana. */
export function traceStoreConfig(input: {
  readonly otlpPort: number;
  readonly queryPort: number;
  readonly healthPort: number;
  readonly tlsDirectory: string;
  readonly dataDirectory: string;
  readonly retentionHours: number;
  /** Address to listen on; `[::]` takes IPv6, too. */
  readonly bind?: string;
}) {
  const bind = input.bind ?? '0.0.0.0';
  const tls = { cert_file: `${input.tlsDirectory}/tls.crt`, key_file: `${input.tlsDirectory}/tls.key` };
  return {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query', 'healthcheckv2'],
      telemetry: { logs: { level: 'warn', encoding: 'json' }, metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['jaeger_storage_exporter'] },
      },
    },
    extensions: {
      healthcheckv2: { use_v2: true, http: { endpoint: `${bind}:${input.healthPort}` } },
      jaeger_query: {
        storage: { traces: 'disk' },
        http: { endpoint: `${bind}:${input.queryPort}` },
        grpc: { endpoint: '127.0.0.1:16685' },
      },
      jaeger_storage: {
        backends: {
          disk: {
            badger: {
              ephemeral: false,
              directories: { keys: `${input.dataDirectory}/keys`, values: `${input.dataDirectory}/values` },
              ttl: { spans: `${input.retentionHours}h` },
            },
          },
        },
      },
    },
    receivers: { otlp: { protocols: { http: { endpoint: `${bind}:${input.otlpPort}`, tls } } } },
    processors: { batch: {} },
    exporters: { jaeger_storage_exporter: { trace_storage: 'disk' } },
  };
}
