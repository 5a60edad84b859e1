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
 * Bodies of GET and HEAD mean nothing (RFC 9110, 9.3.1) and the service reads none; their answers must not be held back,
 * as the middleware does: an export streams.
 */
const carriesBody = '!Method(`GET`) && !Method(`HEAD`)';

/** What the dynamic configuration depends on. */
export interface TraefikRouting {
  /** Where the service answers, as URL. */
  readonly service: string;
  /** File of the authority that signs the service's certificate. */
  readonly authorityFile: string;
  /** Path that requests for other hosts get, where the service has nothing. */
  readonly unknownHostPath: string;
  /** The host of the service. */
  readonly host: string;
  /** Security headers by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Largest body of a request, bytes. */
  readonly maxBodyBytes: number;
}

/**
 * dynamic.yml: TLS versions and suites, the security headers on whatever a router answers, its own 413 and 502 to 504
 * included, and the limit of bodies. Go's server answers raw 400 and 431 before any router; those cannot carry headers.
 */
export function traefikDynamic(routing: TraefikRouting) {
  const { host, headers, service, authorityFile, unknownHostPath, maxBodyBytes } = routing;
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
      // Before the Gateway's own routers. Those cannot be told to use a middleware of this file, nor may this file name
      // their services, whose names hold a hash that other releases of Traefik make otherwise.
      routers: {
        bodies: {
          entryPoints: ['https'],
          rule: `Host(\`${host}\`) && ${carriesBody}`,
          priority: 1_000_001,
          middlewares: ['body-limit'],
          service: 'case-service',
        },
        'bodies-elsewhere': {
          entryPoints: ['https'],
          rule: carriesBody,
          priority: 1_000_000,
          middlewares: ['body-limit', 'unknown-host'],
          service: 'case-service',
        },
      },
      services: {
        'case-service': {
          loadBalancer: { servers: [{ url: service }], serversTransport: 'case-service' },
        },
      },
      // As BackendTLSPolicy says it for the Gateway's routers. The file is read at start: its authority outlives the pods.
      serversTransports: {
        'case-service': { serverName: 'case-service', rootCAs: [authorityFile] },
      },
      middlewares: {
        'security-headers': {
          headers: { customResponseHeaders: { ...headers, server: '', 'x-powered-by': '' } },
        },
        // Request and answer are held until whole: the request in memory, since a full /tmp would end the pod.
        'body-limit': {
          buffering: { maxRequestBodyBytes: maxBodyBytes, memRequestBodyBytes: maxBodyBytes },
        },
        'unknown-host': { replacePath: { path: unknownHostPath } },
      },
    },
  };
}
