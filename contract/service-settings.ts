/**
 * The settings of the service: its environment variables, with type, range, default and format.
 * The service, the Pulumi settings, the policy pack and the documents use these definitions, so that a range stands
 * once. `check-service-settings.ts` checks an environment against them.
 * Pure: no I/O and no import.
 */

/** One environment variable. */
export interface ServiceSetting {
  readonly type: 'string' | 'integer' | 'number';
  /** The meaning, with the unit of a number. */
  readonly description: string;
  /** Without one, the setting is absent unless it is given. */
  readonly default?: string | number;
  /** The service does not start without it. */
  readonly required?: true;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: SettingFormat;
  /** Several values of the format, separated by commas. */
  readonly list?: true;
  /** The empty string is a value. For every other setting it counts as absent. */
  readonly mayBeEmpty?: true;
}

/** The form of a string; `check-service-settings.ts` has the check of each. */
export type SettingFormat =
  | 'path'
  | 'instance'
  | 'name'
  | 'address'
  | 'host-port'
  | 'redis-url'
  | 'https-url'
  | 'url'
  | 'origin'
  | 'network'
  | 'url-path';

const port = (description: string) =>
  ({ type: 'integer', minimum: 1, maximum: 65_535, description }) as const;

/** All settings by the name of their variable. */
export const serviceSettings = {
  ENVIRONMENT: {
    type: 'string',
    enum: ['local', 'dev', 'staging', 'prod'],
    required: true,
    description: 'The kind of environment, a label of logs, traces and metrics.',
  },
  INSTANCE: {
    type: 'string',
    format: 'instance',
    description: 'Name of this replica; the host name by default.',
  },
  LISTEN_HOST: {
    type: 'string',
    format: 'address',
    default: '0.0.0.0',
    description: 'Address to listen on.',
  },
  API_PORT: { ...port('Port of the API.'), default: 8443 },
  INTERNAL_PORT: { ...port('Port of metrics, probes and operator tools.'), default: 9464 },
  PLAIN_PORT: port('Port of the plain HTTP listener, which answers 403 on every path; off by default.'),
  SECRETS_DIR: {
    type: 'string',
    format: 'path',
    required: true,
    description: 'Folder of the secret files; reloaded.',
  },
  TLS_DIR: {
    type: 'string',
    format: 'path',
    required: true,
    description: 'Folder of `tls.crt`, `tls.key` and `ca.crt`, as in a Kubernetes TLS Secret; reloaded.',
  },
  REDIS_MODE: {
    type: 'string',
    enum: ['single', 'sentinel', 'cluster'],
    default: 'single',
    description: 'How Redis is reached.',
  },
  REDIS_URL: {
    type: 'string',
    format: 'redis-url',
    list: true,
    description: 'The server; several addresses for a cluster. Required unless `REDIS_MODE` is `sentinel`.',
  },
  REDIS_SENTINELS: {
    type: 'string',
    format: 'host-port',
    list: true,
    description: 'The Sentinels. Required when `REDIS_MODE` is `sentinel`.',
  },
  REDIS_SENTINEL_MASTER: {
    type: 'string',
    format: 'name',
    description: "The primary's name. Required when `REDIS_MODE` is `sentinel`.",
  },
  REDIS_CA_FILE: {
    type: 'string',
    format: 'path',
    description: "Authority of Redis' certificate; public authorities by default.",
  },
  REDIS_DATA_USER: {
    type: 'string',
    format: 'name',
    default: 'case-data',
    mayBeEmpty: true,
    description: 'ACL user of the data connection; empty for a server that knows a password alone.',
  },
  REDIS_LIMITER_USER: {
    type: 'string',
    format: 'name',
    default: 'case-limiter',
    mayBeEmpty: true,
    description: "ACL user of the limiter's connection; empty for a server that knows a password alone.",
  },
  REDIS_SENTINEL_USER: {
    type: 'string',
    format: 'name',
    default: 'sentinel',
    mayBeEmpty: true,
    description: 'ACL user at the Sentinels; empty for Sentinels that know a password alone, or none.',
  },
  TOKEN_ISSUER: {
    type: 'string',
    format: 'https-url',
    required: true,
    description: '`iss` of access tokens.',
  },
  TOKEN_AUDIENCE: {
    type: 'string',
    format: 'name',
    default: 'simple378',
    description: '`aud` of access tokens.',
  },
  POLICIES_FILE: {
    type: 'string',
    format: 'path',
    description: 'JSON list of rate-limit policies; built-in ones by default; reloaded.',
  },
  OWNER_MAX_CASES: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    default: 10_000,
    description: 'Cases that one user may own.',
  },
  OWNER_MAX_BYTES: {
    type: 'integer',
    minimum: 65_536,
    maximum: 1_073_741_824,
    default: 33_554_432,
    description: 'Bytes of Redis that the cases of one user may take.',
  },
  STORE_FULL_PERCENT: {
    type: 'integer',
    minimum: 10,
    maximum: 100,
    default: 85,
    description:
      'Share of `maxmemory` from which on new cases and changes are refused, so that sessions, limits and deletes keep room.',
  },
  MAX_BODY_BYTES_IN_FLIGHT: {
    type: 'integer',
    minimum: 16_777_216,
    maximum: 1_073_741_824,
    default: 50_331_648,
    description:
      'Bytes of request bodies and large answers that the process holds at a time; a user may take a sixth, an address a third.',
  },
  LIMITER_DEADLINE_MS: {
    type: 'integer',
    minimum: 5,
    maximum: 1_000,
    default: 50,
    description: 'Milliseconds that a rate-limit decision waits for a fast Redis.',
  },
  LIMITER_DEADLINE_MAX_MS: {
    type: 'integer',
    minimum: 5,
    maximum: 5_000,
    default: 200,
    description:
      'Milliseconds that a decision waits for a slow but steady Redis: three of its round trips, at most this; at least `LIMITER_DEADLINE_MS`.',
  },
  LIMITER_CLOSED_DEADLINE_MS: {
    type: 'integer',
    minimum: 5,
    maximum: 5_000,
    default: 250,
    description: 'Milliseconds that a decision by a policy with `onStoreError: closed` waits for Redis.',
  },
  GATEWAY_JWKS_URL: {
    type: 'string',
    format: 'https-url',
    description:
      'Only of `limit-gateway`: the keys that verify access tokens; without it users are not told apart.',
  },
  GATEWAY_JWKS_CA_FILE: {
    type: 'string',
    format: 'path',
    description: 'Only of `limit-gateway`: authority of the certificate at `GATEWAY_JWKS_URL`.',
  },
  GATEWAY_USER_CLAIM: {
    type: 'string',
    format: 'name',
    default: 'sub',
    description: 'Only of `limit-gateway`: the claim of a token that names its user.',
  },
  GATEWAY_INTENSIVE_PATHS: {
    type: 'string',
    format: 'url-path',
    list: true,
    description: 'Only of `limit-gateway`: paths, with all below them, that count in `intensive`.',
  },
  GATEWAY_LOGIN_PATHS: {
    type: 'string',
    format: 'url-path',
    list: true,
    description: 'Only of `limit-gateway`: paths, with all below them, that count as logins.',
  },
  GATEWAY_UPSTREAM: {
    type: 'string',
    format: 'url',
    description:
      'Only of `limit-gateway`: forward admitted requests to this service in place of answering an edge.',
  },
  GATEWAY_UPSTREAM_CA_FILE: {
    type: 'string',
    format: 'path',
    description: 'Only of `limit-gateway`: authority of the certificate at `GATEWAY_UPSTREAM`.',
  },
  REPLICAS: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000,
    default: 1,
    description: 'Replicas that share the quotas while Redis is away.',
  },
  TRUSTED_PROXIES: {
    type: 'string',
    format: 'network',
    list: true,
    description: "The edge's networks. `X-Forwarded-For` and `X-Request-Id` are believed from there alone.",
  },
  ALLOWED_ORIGINS: {
    type: 'string',
    format: 'origin',
    list: true,
    description: 'Origins whose pages may call the API.',
  },
  LOG_LEVEL: {
    type: 'string',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    description: 'Least severe level that is logged.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    type: 'string',
    format: 'url',
    description: 'OTLP/HTTP collector; off by default.',
  },
  OTEL_EXPORTER_OTLP_CERTIFICATE: {
    type: 'string',
    format: 'path',
    description: "Authority of the collector's certificate.",
  },
  OTEL_TRACES_SAMPLER_ARG: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 1,
    description:
      'Share of traces that are sent to the collector, 0 to 1. Errors and slow requests are always sent. Keep 1 where the collector samples.',
  },
  DRAIN_SECONDS: {
    type: 'number',
    minimum: 0,
    maximum: 300,
    default: 5,
    description: 'Seconds between SIGTERM and the closing of the listeners; below `SHUTDOWN_SECONDS`.',
  },
  SHUTDOWN_SECONDS: {
    type: 'number',
    minimum: 1,
    maximum: 600,
    default: 20,
    description: 'Seconds after SIGTERM when open requests are cut.',
  },
} as const satisfies Record<string, ServiceSetting>;

/** The name of a setting's variable. */
export type ServiceSettingName = keyof typeof serviceSettings;
type Definitions = typeof serviceSettings;
type Present = {
  [N in ServiceSettingName]: Definitions[N] extends { default: unknown } | { required: true } ? N : never;
}[ServiceSettingName];
type ValueOf<D> = D extends { enum: readonly (infer V)[] }
  ? V
  : D extends { type: 'string' }
    ? string
    : number;

/** The settings of one process by the names of their variables. */
export type ServiceSettings = { readonly [N in Present]: ValueOf<Definitions[N]> } & {
  readonly [N in Exclude<ServiceSettingName, Present>]?: ValueOf<Definitions[N]>;
};

/** The names of all variables. */
export const serviceSettingNames = Object.keys(serviceSettings) as ServiceSettingName[];
