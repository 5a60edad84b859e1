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
  /** Gives the metrics whose name matches the expression the label of another job, whose rules and panels then show them. */
  readonly metricsOf?: { readonly names: string; readonly job: string };
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
  /** Labels of everything that leaves it, besides the environment. */
  readonly externalLabels?: Readonly<Record<string, string>>;
  /** Stores that every sample is also sent to. */
  readonly remoteWrite?: readonly RemoteWrite[];
  /** Kind of DNS records that names of jobs have. */
  readonly recordType?: 'A' | 'AAAA';
}

/** A store of samples elsewhere. */
export interface RemoteWrite {
  readonly name: string;
  readonly url: string;
  readonly authentication: 'none' | 'basic' | 'bearer' | 'sigv4';
  readonly username?: string;
  /** File with the password or token. */
  readonly secretFile: string;
  readonly region?: string;
  readonly headers: Readonly<Record<string, string>>;
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
    externalLabels = {},
    remoteWrite = [],
    recordType = 'A',
  } = input;
  const own: ScrapeJob = { job: 'prometheus', targets: [self] };
  return {
    global: {
      scrape_interval: `${scrapeIntervalSeconds}s`,
      scrape_timeout: `${Math.min(scrapeIntervalSeconds, 10)}s`,
      evaluation_interval: `${scrapeIntervalSeconds}s`,
      external_labels: { environment, ...externalLabels },
    },
    rule_files: [...ruleFiles],
    ...(remoteWrite.length > 0 ? { remote_write: remoteWrite.map(remoteWriteConfig) } : {}),
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
      ...discovery(job, recordType),
      relabel_configs: [{ target_label: 'environment', replacement: environment }],
      ...(job.metricsOf === undefined
        ? {}
        : {
            metric_relabel_configs: [
              {
                source_labels: ['__name__'],
                regex: job.metricsOf.names,
                target_label: 'job',
                replacement: job.metricsOf.job,
              },
            ],
          }),
    })),
  };
}

function discovery({ job, host, port, targets }: ScrapeJob, type: string): object {
  if (targets !== undefined) return { static_configs: [{ targets: [...targets] }] };
  if (host === undefined || port === undefined)
    throw new TypeError(`scrape job ${job}: needs targets, or host and port`);
  return { dns_sd_configs: [{ names: [host], type, port, refresh_interval: '5s' }] };
}

function remoteWriteConfig(store: RemoteWrite): object {
  const { name, url, authentication, username, secretFile, region, headers } = store;
  const login = {
    none: {},
    basic: { basic_auth: { username, password_file: secretFile } },
    bearer: { authorization: { credentials_file: secretFile } },
    sigv4: { sigv4: { region } },
  }[authentication];
  return { name, url, ...(Object.keys(headers).length > 0 ? { headers } : {}), ...login };
}
