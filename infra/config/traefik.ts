import { edgeBuckets } from '../../slo/query/external.ts';

/**
 * Traefik as Gateway API controller: static and dynamic configuration, as objects to be printed as YAML.
 * Only one TLS listener for clients; metrics and ping on a port of their own, which no route reaches.
 */

/** What the static configuration depends on. */
export interface TraefikInput {
  /** Reads routes of the Gateway API; the file alone when absent. */
  readonly gateway?: {
    readonly namespace: string;
    /** Selects the GatewayClass of this stack among those of the cluster. */
    readonly labelSelector: string;
    /** The Service whose address the Gateway reports. */
    readonly service: string;
  };
  /** Folder of the dynamic configuration and, without a Gateway, of the certificate; a change of either is loaded. */
  readonly dynamicDirectory: string;
  /** Addresses whose PROXY header is believed, and those whose X-Forwarded-For is. */
  readonly proxyProtocolCidrs: readonly string[];
  readonly trustedForwarders: readonly string[];
  readonly httpsPort: number;
  readonly metricsPort: number;
  /** Time for one request, end to end. */
  readonly requestTimeoutSeconds: number;
  /** Time for requests in flight when a pod stops. */
  readonly graceSeconds: number;
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
        // X-Forwarded-* and Forwarded of everybody else are overwritten.
        forwardedHeaders: { insecure: false, trustedIPs: [...input.trustedForwarders] },
        ...(input.proxyProtocolCidrs.length > 0
          ? { proxyProtocol: { insecure: false, trustedIPs: [...input.proxyProtocolCidrs] } }
          : {}),
        http: {
          tls: {},
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
        // The bounds of the objectives, beside Traefik's own.
        buckets: [...edgeBuckets],
      },
    },
    ping: { entryPoint: 'metrics' },
    providers: {
      // A folder: a mounted ConfigMap or Secret changes by a link beside its files, which is seen in no file of it.
      file: { directory: input.dynamicDirectory, watch: true },
      ...(input.gateway
        ? {
            kubernetesGateway: {
              namespaces: [input.gateway.namespace],
              labelSelector: input.gateway.labelSelector,
              statusAddress: {
                service: { namespace: input.gateway.namespace, name: input.gateway.service },
              },
            },
          }
        : {}),
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
/** The service closes a connection after 75 s without a request; one that Traefik had just chosen would answer 502. */
const upstreamIdleTimeout = '30s';
/** The largest answer to a request with a body, 100 cases, and some more: it is held in memory, never on the disk. */
const answerBytes = 8 * 1_048_576;
/** Above the priorities of the Gateway's routers. */
const top = 1_000_000;

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
  /** Security headers of the API by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Largest body of a request, bytes. */
  readonly maxBodyBytes: number;
  /** Time until the service must have begun to answer. */
  readonly requestTimeoutSeconds: number;
  /** Answers Traefik's authorisation calls by the rate limits, as URL; absent where the edge does not limit. */
  readonly limitGateway?: string;
  /** Whether X-Forwarded-For of a request is right, because the static configuration trusts proxies before the edge. */
  readonly hasForwarders?: boolean;
  /** Grafana's host, and where it answers, as URL. */
  readonly grafana?: { readonly host: string; readonly url: string };
  /** Folder with tls.crt and tls.key, where no Gateway brings the certificate and the routes. */
  readonly certificateDirectory?: string;
}

/**
 * dynamic.yml: TLS versions and suites, the security headers on whatever a router answers, its own 413 and 502 to 504
 * included, and the limit of bodies. Go's server answers raw 400 and 431 before any router; those cannot carry headers.
 */
export function traefikDynamic(routing: TraefikRouting) {
  const { headers, maxBodyBytes, grafana } = routing;
  return {
    tls: tlsOf(routing.certificateDirectory),
    http: {
      routers: routersOf(routing),
      services: {
        'case-service': {
          loadBalancer: { servers: [{ url: routing.service }], serversTransport: 'case-service' },
        },
        ...(grafana ? { grafana: { loadBalancer: { servers: [{ url: grafana.url }] } } } : {}),
      },
      // As BackendTLSPolicy says it for the Gateway's routers. The file is read at start: its authority outlives the pods.
      serversTransports: {
        'case-service': {
          serverName: 'case-service',
          rootCAs: [routing.authorityFile],
          forwardingTimeouts: {
            idleConnTimeout: upstreamIdleTimeout,
            responseHeaderTimeout: `${routing.requestTimeoutSeconds}s`,
          },
        },
      },
      middlewares: {
        'security-headers': {
          headers: {
            // Proxies before the edge may pass on a client's own, which would then choose the policy.
            ...(routing.hasForwarders
              ? { customRequestHeaders: { 'x-forwarded-uri': '', 'x-forwarded-method': '' } }
              : {}),
            customResponseHeaders: { ...headers, server: '', 'x-powered-by': '' },
          },
        },
        // Request and answer are held until whole, in memory: a full /tmp would end the pod.
        'body-limit': {
          buffering: {
            maxRequestBodyBytes: maxBodyBytes,
            memRequestBodyBytes: maxBodyBytes,
            memResponseBodyBytes: answerBytes,
          },
        },
        'unknown-host': { replacePath: { path: routing.unknownHostPath } },
        ...(routing.limitGateway === undefined
          ? {}
          : { limits: { forwardAuth: forwardAuth(routing, routing.limitGateway) } }),
      },
    },
  };
}

/** The answers' fields of the limits reach the service in the request; a refusal reaches the client as it is. */
function forwardAuth({ authorityFile, hasForwarders = false }: TraefikRouting, address: string) {
  return {
    address,
    trustForwardHeader: hasForwarders,
    authResponseHeadersRegex: '(?i)ratelimit',
    // An answer of the gateway is one problem document.
    maxResponseBodySize: 65_536,
    tls: { ca: authorityFile },
  };
}

/**
 * Requests with bodies always pass routers of this file, before the Gateway's own: those cannot be told to use a middleware of
 * it, nor may it name their services, whose names hold a hash that other releases of Traefik make otherwise. Without a Gateway
 * all requests do, and so they do with a limit gateway: the Gateway then has no route to the service, so that none is unlimited.
 */
function routersOf({ host, grafana, certificateDirectory, limitGateway }: TraefikRouting) {
  const isLimited = limitGateway !== undefined;
  const guards = isLimited ? ['security-headers', 'limits'] : ['security-headers'];
  const isApi = `Host(\`${host}\`)`;
  // Beside a Gateway its own routes go first: of readiness, and of Grafana.
  const rest = certificateDirectory === undefined ? 4 : top;
  const router = (
    rule: string,
    priority: number,
    middlewares: readonly string[],
    service = 'case-service',
  ) => ({
    entryPoints: ['https'],
    rule,
    priority,
    middlewares: [...middlewares],
    service,
  });
  const elsewhere = grafana ? `!Host(\`${grafana.host}\`) && ${carriesBody}` : carriesBody;
  return {
    bodies: router(`${isApi} && ${carriesBody}`, top + 1, [...guards, 'body-limit']),
    'bodies-elsewhere': router(elsewhere, top, [...guards, 'body-limit', 'unknown-host']),
    ...(certificateDirectory === undefined && !isLimited
      ? {}
      : {
          api: router(isApi, rest - 2, guards),
          ...(grafana && certificateDirectory !== undefined
            ? { grafana: router(`Host(\`${grafana.host}\`)`, rest - 1, [], 'grafana') }
            : {}),
          elsewhere: router('PathPrefix(`/`)', rest - 3, [...guards, 'unknown-host']),
        }),
  };
}

function tlsOf(certificateDirectory: string | undefined) {
  const certificate = {
    certFile: `${certificateDirectory}/tls.crt`,
    keyFile: `${certificateDirectory}/tls.key`,
  };
  return {
    options: {
      default: {
        minVersion: 'VersionTLS12',
        cipherSuites,
        curvePreferences: ['X25519', 'CurveP256', 'CurveP384'],
      },
    },
    ...(certificateDirectory === undefined
      ? {}
      : { certificates: [certificate], stores: { default: { defaultCertificate: certificate } } }),
  };
}
