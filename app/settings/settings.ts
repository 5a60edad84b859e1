import { hostname } from 'node:os';
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import { type Static, Type } from 'typebox';
import { toBlockList } from './networks.ts';

/** One thing that is wrong with the settings. */
export interface SettingsProblem {
  /** The variable's or file's name. */
  readonly name: string;
  /** What was found; never the content of a secret. */
  readonly found: string;
  readonly remedy: string;
}

/** All that is wrong, at once; the process says so and exits with 78 (EX_CONFIG). */
export class SettingsError extends Error {
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map(({ name, found, remedy }) => `${name}: ${found}; ${remedy}`).join('\n'));
    this.problems = problems;
  }
}

const port = (fallback: number, remedy: string) =>
  Type.Integer({ minimum: 1, maximum: 65_535, default: fallback, remedy });
const hostPort = '[A-Za-z0-9.-]+:[0-9]{1,5}';
const list = (item: string) => `^(${item})(,(${item}))*$`;
const origin = 'https://[A-Za-z0-9.-]+(:[0-9]+)?';
const cidr = '[0-9a-fA-F.:]+/[0-9]{1,3}';

/** The environment variables, each with the remedy that is shown when it is wrong. */
const variables = Type.Object({
  ENVIRONMENT: Type.Enum(['local', 'dev', 'staging', 'prod'], {
    remedy: 'set it to local, dev, staging or prod',
  }),
  INSTANCE: Type.String({
    default: hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 64),
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    remedy: 'up to 64 letters, digits, . _ -',
  }),
  LISTEN_HOST: Type.String({ default: '0.0.0.0', remedy: 'an address to listen on, such as 127.0.0.1' }),
  API_PORT: port(8443, 'a port, 1 to 65535'),
  INTERNAL_PORT: port(9464, 'a port, 1 to 65535'),
  PLAIN_PORT: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_535, remedy: 'a port, 1 to 65535, or leave it out' }),
  ),
  SECRETS_DIR: Type.String({ minLength: 1, remedy: 'the folder with the secret files' }),
  TLS_DIR: Type.String({ minLength: 1, remedy: 'the folder with tls.crt, tls.key and ca.crt' }),
  REDIS_MODE: Type.Enum(['single', 'sentinel', 'cluster'], {
    default: 'single',
    remedy: 'single, sentinel or cluster',
  }),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: list(`rediss://${hostPort}`),
      remedy: 'rediss://host:port without credentials; several, with commas, for a cluster',
    }),
  ),
  REDIS_SENTINELS: Type.Optional(
    Type.String({ pattern: list(hostPort), remedy: 'host:port, several with commas' }),
  ),
  REDIS_SENTINEL_MASTER: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9._-]+$', remedy: "the master's name" }),
  ),
  REDIS_CA_FILE: Type.String({ minLength: 1, remedy: "the file with Redis' certificate authority" }),
  REDIS_DATA_USER: Type.String({ default: 'case-data', pattern: '^[A-Za-z0-9_-]+$', remedy: 'an ACL user' }),
  REDIS_LIMITER_USER: Type.String({
    default: 'case-limiter',
    pattern: '^[A-Za-z0-9_-]+$',
    remedy: 'an ACL user',
  }),
  TOKEN_ISSUER: Type.String({
    format: 'uri',
    pattern: '^https://',
    remedy: 'the https URL that names this service in tokens',
  }),
  TOKEN_AUDIENCE: Type.String({
    default: 'simple378',
    pattern: '^[!-~]{1,128}$',
    remedy: 'up to 128 printable characters',
  }),
  POLICIES_FILE: Type.Optional(Type.String({ remedy: 'a JSON file with a list of rate-limit policies' })),
  REPLICAS: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 1000,
    remedy: 'how many replicas share the limits, 1 to 1000',
  }),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: list(cidr),
      remedy: "the edge's networks as CIDRs, with commas; never a hop count",
    }),
  ),
  ALLOWED_ORIGINS: Type.Optional(
    Type.String({ pattern: list(origin), remedy: 'https origins, with commas' }),
  ),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    remedy: 'a level of pino, such as info',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      format: 'uri',
      pattern: '^https?://',
      remedy: 'the URL of an OTLP/HTTP collector, or leave it out',
    }),
  ),
  OTEL_EXPORTER_OTLP_CERTIFICATE: Type.Optional(
    Type.String({ remedy: "the file with the collector's authority" }),
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    default: 0.1,
    minimum: 0,
    maximum: 1,
    remedy: 'the share of traces kept, 0 to 1',
  }),
  DRAIN_SECONDS: Type.Number({ default: 5, minimum: 0, maximum: 300, remedy: 'seconds, 0 to 300' }),
  SHUTDOWN_SECONDS: Type.Number({
    default: 20,
    minimum: 1,
    maximum: 600,
    remedy: 'seconds, 1 to 600, more than DRAIN_SECONDS',
  }),
});

/** The names of all variables. */
export const settingNames = Object.keys(variables.properties);

/** The settings of one process, by the names of their variables. */
export type Settings = Readonly<Static<typeof variables>> & {
  readonly trustedProxies: readonly string[];
  readonly allowedOrigins: readonly string[];
};

// A variable is text: numbers are read from it. All problems are wanted, and the input is the operator's own.
const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false, verbose: true });
addFormats.default(ajv, ['uri']);
const validate = ajv.compile(variables);

/**
 * Reads the settings from environment variables; an empty variable counts as absent, unknown ones are ignored.
 * @throws SettingsError with every problem
 */
export function parseSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(
    settingNames.flatMap((name) => (environment[name] ? [[name, environment[name] as unknown]] : [])),
  );
  const valid = validate(given);
  const problems = [
    ...(valid ? [] : (validate.errors ?? []).map(toProblem)),
    ...acrossFields(given as Partial<Settings>),
  ];
  if (problems.length > 0) throw new SettingsError(unique(problems));
  const settings = given as unknown as Static<typeof variables>;
  return {
    ...settings,
    trustedProxies: settings.TRUSTED_PROXIES?.split(',') ?? [],
    allowedOrigins: settings.ALLOWED_ORIGINS?.split(',') ?? [],
  };
}

function toProblem(error: ErrorObject): SettingsProblem {
  const name =
    error.keyword === 'required' ? String(error.params.missingProperty) : error.instancePath.slice(1);
  const schema = variables.properties[name as keyof typeof variables.properties] as { remedy?: string };
  return {
    name,
    found: error.keyword === 'required' ? 'is missing' : `is ${JSON.stringify(error.data)}`,
    remedy: schema.remedy ?? 'correct it',
  };
}

/** What one variable alone cannot tell. */
function acrossFields(s: Partial<Settings>): SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  const needed = (name: keyof Settings) => {
    if (!s[name])
      problems.push({ name, found: `is missing, and REDIS_MODE is ${s.REDIS_MODE}`, remedy: 'set it' });
  };
  if (s.REDIS_MODE === 'sentinel') {
    needed('REDIS_SENTINELS');
    needed('REDIS_SENTINEL_MASTER');
  } else if (s.REDIS_MODE === 'single' || s.REDIS_MODE === 'cluster') needed('REDIS_URL');
  if (s.REDIS_MODE === 'single' && s.REDIS_URL?.includes(',')) {
    problems.push({
      name: 'REDIS_URL',
      found: 'has several addresses',
      remedy: 'give one, or set REDIS_MODE to cluster',
    });
  }
  const ports = [s.API_PORT, s.INTERNAL_PORT, s.PLAIN_PORT].filter((value) => value !== undefined);
  if (new Set(ports).size < ports.length) {
    problems.push({
      name: 'API_PORT, INTERNAL_PORT, PLAIN_PORT',
      found: `are ${ports.join(', ')}`,
      remedy: 'give each listener its own port',
    });
  }
  const networks = s.TRUSTED_PROXIES?.split(',') ?? [];
  if (networks.some((network) => new RegExp(`^${cidr}$`).test(network) && !isNetwork(network))) {
    problems.push({
      name: 'TRUSTED_PROXIES',
      found: `is ${JSON.stringify(s.TRUSTED_PROXIES)}`,
      remedy: "the edge's own networks: no mapped IPv4 address, and never the whole Internet",
    });
  }
  if (Number(s.DRAIN_SECONDS) >= Number(s.SHUTDOWN_SECONDS)) {
    problems.push({
      name: 'DRAIN_SECONDS',
      found: `is ${s.DRAIN_SECONDS} and SHUTDOWN_SECONDS is ${s.SHUTDOWN_SECONDS}`,
      remedy: 'leave time to close after draining',
    });
  }
  return problems;
}

/** Whether a CIDR names a network that can be trusted as ours; a mapped one would match more than it says. */
function isNetwork(network: string): boolean {
  try {
    toBlockList([network]);
    return !network.endsWith('/0') && !/^::ffff:/i.test(network);
  } catch {
    return false;
  }
}

/** A variable that breaks two rules of its schema is still one problem. */
const unique = (problems: readonly SettingsProblem[]): SettingsProblem[] => [
  ...new Map(problems.map((problem) => [problem.name + problem.found, problem])).values(),
];
