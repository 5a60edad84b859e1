/**
 * Traefik as Gateway API controller: static and dynamic configuration, as objects to be printed as YAML.
 * Only one TLS listener for clients; metrics and ping on a port of their own, which no route reaches.
 */

/** What the static configuration depends on. */
export interface TraefikInput {
  readonly namespace: string;
  /** Selects the GatewayClass of this stack among those of the cluster. */
  readonly labelSelector: string;
  readonly httpsPort: number;
  readonly metricsPort: number;
  /** Time for one request, end to end. */
  readonly requestTimeoutSeconds: number;
  /** Time for requests in flight when a pod stops. */
  readonly graceSeconds: number;
  /** The Service whose address the Gateway reports. */
  readonly service: string;
}

/** traefik.yml */
export function traefikStatic(input: TraefikInput) {
  const seconds = (value: number) => `${value}s`;
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: 'INFO', format: 'json' },
    // One line per answered request would repeat the service's; what the service never saw is what matters here.
    accessLog: {
      format: 'json',
      filters: { statusCodes: ['400-499', '500-599'] },
      fields: {
        defaultMode: 'keep',
        names: { RequestPath: 'drop', ClientUsername: 'drop' },
        headers: { defaultMode: 'drop' },
      },
    },
    entryPoints: {
      https: {
        address: `:${input.httpsPort}`,
        // Nobody is trusted: X-Forwarded-* and Forwarded of clients are overwritten.
        forwardedHeaders: { insecure: false, trustedIPs: [] },
        http: {
          tls: {},
          middlewares: ['security-headers@file'],
          maxHeaderBytes: 16_384,
          sanitizePath: true,
        },
        // Bodies are bounded in time here, and in size by the service: Traefik's only limit of size, the middleware buffering,
        // holds back every answer too until it is whole, and nothing in a file turns that off (dynamic.Buffering,
        // DisableResponseBuffer). An export streams, and may be larger than /tmp.
        transport: {
          lifeCycle: { requestAcceptGraceTimeout: '5s', graceTimeOut: seconds(input.graceSeconds) },
          respondingTimeouts: {
            readTimeout: seconds(input.requestTimeoutSeconds),
            writeTimeout: seconds(2 * input.requestTimeoutSeconds),
            idleTimeout: '60s',
          },
        },
      },
      metrics: { address: `:${input.metricsPort}` },
    },
    metrics: {
      prometheus: {
        entryPoint: 'metrics',
        addEntryPointsLabels: true,
        addRoutersLabels: true,
        addServicesLabels: true,
      },
    },
    ping: { entryPoint: 'metrics' },
    providers: {
      file: { filename: '/etc/traefik/dynamic.yml', watch: true },
      kubernetesGateway: {
        namespaces: [input.namespace],
        labelSelector: input.labelSelector,
        statusAddress: { service: { namespace: input.namespace, name: input.service } },
      },
    },
  };
}

/** Mozilla's intermediate configuration, version 5.7, without the DHE suites that Go does not have. */
const cipherSuites = [
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
];

/**
 * dynamic.yml: TLS versions and suites, and the security headers on whatever a router answers, its own 502 to 504
 * included. Go's server answers raw 400 and 431 before any router; those cannot carry headers.
 */
export function traefikDynamic(headers: Readonly<Record<string, string>>) {
  return {
    tls: {
      options: {
        default: {
          minVersion: 'VersionTLS12',
          cipherSuites,
          curvePreferences: ['X25519', 'CurveP256', 'CurveP384'],
        },
      },
    },
    http: {
      middlewares: {
        'security-headers': {
          headers: { customResponseHeaders: { ...headers, server: '', 'x-powered-by': '' } },
        },
      },
    },
  };
}
