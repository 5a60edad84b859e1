/** What Prometheus scrapes: names that DNS resolves to several addresses, or fixed addresses. */
export interface ScrapeJob {
  readonly job: string;
  /** A name whose A records are the targets, as headless Services have. */
  readonly host?: string;
  /** With `host`. */
  readonly port?: number;
  /** `host:port`, in place of a name. */
  readonly targets?: readonly string[];
  /** Name in the certificate; with it the scrape goes over TLS. */
  readonly tlsServerName?: string;
  readonly path?: string;
  /** Parameters of the URL. */
  readonly params?: Readonly<Record<string, string>>;
}

/** What differs from one Prometheus to another. */
export interface PrometheusInput {
  readonly environment: string;
  readonly scrapeIntervalSeconds: number;
  readonly jobs: readonly ScrapeJob[];
  readonly caFile: string;
  /** Files, or patterns of them, with recording and alerting rules. */
  readonly ruleFiles: readonly string[];
  /** `host:port`; none where there is no Alertmanager. */
  readonly alertmanager?: string;
  /** Where it finds itself. */
  readonly self?: string;
}

/** prometheus.yml, as an object. Every target carries the environment as a label. */
export function prometheusConfig(input: PrometheusInput): object {
  const {
    environment,
    scrapeIntervalSeconds,
    jobs,
    caFile,
    ruleFiles,
    alertmanager,
    self = 'localhost:9090',
  } = input;
  const own: ScrapeJob = { job: 'prometheus', targets: [self] };
  return {
    global: {
      scrape_interval: `${scrapeIntervalSeconds}s`,
      scrape_timeout: `${Math.min(scrapeIntervalSeconds, 10)}s`,
      evaluation_interval: `${scrapeIntervalSeconds}s`,
      external_labels: { environment },
    },
    rule_files: [...ruleFiles],
    ...(alertmanager === undefined
      ? {}
      : { alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] } }),
    scrape_configs: [own, ...jobs].map((job) => ({
      job_name: job.job,
      ...(job.path === undefined ? {} : { metrics_path: job.path }),
      ...(job.params === undefined
        ? {}
        : { params: Object.fromEntries(Object.entries(job.params).map(([name, value]) => [name, [value]])) }),
      ...(job.tlsServerName === undefined
        ? {}
        : { scheme: 'https', tls_config: { ca_file: caFile, server_name: job.tlsServerName } }),
      ...discovery(job),
      relabel_configs: [{ target_label: 'environment', replacement: environment }],
    })),
  };
}

function discovery({ job, host, port, targets }: ScrapeJob): object {
  if (targets !== undefined) return { static_configs: [{ targets: [...targets] }] };
  if (host === undefined || port === undefined)
    throw new TypeError(`scrape job ${job}: needs targets, or host and port`);
  return { dns_sd_configs: [{ names: [host], type: 'A', port, refresh_interval: '5s' }] };
}
