import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import {
  Cluster,
  type ClusterOptions,
  Redis,
  type RedisOptions,
  type SentinelConnectionOptions,
  SentinelConnector,
} from 'ioredis';
import type { Logger } from 'pino';
import type { Settings } from '../settings/settings.ts';
import { emit } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RedisClient, StoreRole } from './client.ts';
import { observeCommands } from './observe.ts';

/** A call that takes longer has failed. The limiter has a deadline of its own, which bears a busy event loop. */
const commandTimeout = 1_000;
/** A peer that vanished without a FIN is noticed by silence on a connection that has work in flight. */
const socketTimeoutMs = (
  role: StoreRole,
  { LIMITER_DEADLINE_MAX_MS, LIMITER_CLOSED_DEADLINE_MS }: Settings,
) => (role === 'data' ? 6_000 : Math.max(300, LIMITER_DEADLINE_MAX_MS + 50, LIMITER_CLOSED_DEADLINE_MS + 50));

/**
 * Connects a role with its own ACL user over TLS, and goes on trying in the background.
 *
 * The options are those that neither hang nor count twice (ioredis 6.0.0, measured): nothing is queued while
 * offline, nothing is sent again after a lost reply, and a frozen server is left after a deadline. Passwords
 * that were rotated are read again before each attempt.
 */
export function connectRedis(
  role: StoreRole,
  settings: Settings,
  deps: { readonly metrics: Metrics; readonly log: Logger },
): RedisClient {
  const secret = (file: string) => readFileSync(join(settings.SECRETS_DIR, file), 'utf8').trim();
  const password = () => secret(`redis-${role}-password`);
  const tls = renewedAuthority(settings.REDIS_CA_FILE);
  const username = role === 'data' ? settings.REDIS_DATA_USER : settings.REDIS_LIMITER_USER;
  const node = {
    // Without a user name ioredis sends AUTH with the password alone.
    ...(username === '' ? {} : { username }),
    password: password(),
    tls,
    connectTimeout: 1_000,
    commandTimeout: Math.max(commandTimeout, settings.LIMITER_CLOSED_DEADLINE_MS),
    socketTimeout: socketTimeoutMs(role, settings),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backoff,
    // After a failover the old primary answers READONLY: connect anew, and let the caller fail this once.
    reconnectOnError: (error) => error.message.includes('READONLY'),
    // CLIENT SETINFO is unknown before Redis 7.2, and an ACL that names it would not load there.
    disableClientInfo: true,
    connectionName: `${settings.INSTANCE}-${role}`,
  } satisfies RedisOptions;
  const reasons = reporter(role, deps.log);
  const client = connect(settings, node, secret, reasons.report);
  const options = client instanceof Cluster ? client.options.redisOptions : client.options;
  client.on('close', () => {
    try {
      if (options) options.password = password();
      if (client instanceof Redis && settings.REDIS_MODE === 'sentinel')
        Object.assign(client.options, sentinelCredentials(settings, secret));
    } catch {
      // The file is being replaced: the old password is tried once more.
    }
  });
  reviveWhenEnded(client);
  watch(client, role, deps, reasons);
  return observeCommands(client, role, deps.metrics);
}

/**
 * TLS options whose authority is read again at each connection attempt, so that a rotated file needs no restart. While the
 * file is being replaced the last content is used.
 */
function renewedAuthority(file: string | undefined) {
  const minVersion = 'TLSv1.2' as const;
  if (file === undefined) return { minVersion };
  let last = readFileSync(file);
  return {
    minVersion,
    get ca() {
      try {
        last = readFileSync(file);
      } catch {
        // The file is being replaced.
      }
      return last;
    },
  };
}

/**
 * ioredis 6.0.0 gives up for good, as if it had been closed, when Sentinel announces a failover while a connection to
 * the old primary is being made (its failover detector closes the connector under it). Only our own close may end it.
 */
function reviveWhenEnded(client: RedisClient): void {
  const disconnect = client.disconnect.bind(client);
  let closed = false;
  client.disconnect = (reconnect = false) => {
    closed ||= !reconnect;
    disconnect(reconnect);
  };
  client.on('end', () => {
    if (closed) return;
    const again = setTimeout(() => void client.connect().catch(() => undefined), backoff(1));
    again.unref();
  });
}

function connect(
  settings: Settings,
  node: NodeOptions,
  secret: (file: string) => string,
  onError: (error: Error) => void,
): RedisClient {
  const [first, ...others] = (settings.REDIS_URL ?? '').split(',');
  switch (settings.REDIS_MODE) {
    case 'single':
      return new Redis({ ...node, ...address(first ?? '') });
    case 'cluster': {
      const options = {
        redisOptions: node,
        enableOfflineQueue: false,
        clusterRetryStrategy: backoff,
        slotsRefreshTimeout: 1_000,
        // Certificates carry host names: keep the name that the cluster announces.
        dnsLookup: (host, done) => done(null, host),
      } satisfies ClusterOptions;
      return new Cluster([first ?? '', ...others].map(address), options);
    }
    case 'sentinel':
      return new Redis({
        ...node,
        sentinels: (settings.REDIS_SENTINELS ?? '').split(',').map(address),
        name: settings.REDIS_SENTINEL_MASTER ?? '',
        ...sentinelCredentials(settings, secret),
        enableTLSForSentinelMode: true,
        sentinelTLS: node.tls,
        sentinelRetryStrategy: backoff,
        // Of the connections that wait for news of a failover: a Sentinel that was restarted is listened to again before
        // the next one is. ioredis waits a minute, and an update of all of them takes less.
        sentinelReconnectStrategy: () => 2_000,
        failoverDetector: true,
        Connector: reportingConnector(onError),
      });
  }
}

/** User and password at the Sentinels; none where the user is empty and there is no password file. */
function sentinelCredentials(
  { REDIS_SENTINEL_USER: user, SECRETS_DIR }: Settings,
  secret: (file: string) => string,
): Pick<RedisOptions, 'sentinelUsername' | 'sentinelPassword'> {
  const file = 'redis-sentinel-password';
  if (user !== '') return { sentinelUsername: user, sentinelPassword: secret(file) };
  return existsSync(join(SECRETS_DIR, file)) ? { sentinelPassword: secret(file) } : {};
}

type NodeOptions = Omit<RedisOptions, 'replyMapping'> & { readonly tls: ConnectionOptions };

/** `rediss://host:port` or `host:port`. */
function address(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(text.includes('://') ? text : `rediss://${text}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 6379) };
}

/** Milliseconds before the next attempt: soon at first, at most a second, and not all replicas at once. */
const backoff = (attempt: number): number => Math.min(attempt * 50, 1_000) + Math.floor(Math.random() * 50);

/** Name, code and address of an error. A name with several addresses fails with an AggregateError without a message. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(describeError))].join('; ');
  const { name, message, code, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const missing = [code, address && `${address}:${port}`].filter((part) => part && !message.includes(part));
  return [message || name, ...missing].join(' ');
}

/** Errors of a store as events. The same refusal every second is one event. */
function reporter(
  store: StoreRole,
  log: Logger,
): { readonly report: (error: Error) => void; readonly forget: () => void } {
  let last = '';
  return {
    report(error) {
      const reason = describeError(error);
      if (reason !== last) emit(log, 'redis_error', { store, reason });
      last = reason;
    },
    forget() {
      last = '';
    },
  };
}

/** A store that comes and goes is an event and a metric, never an unhandled error. */
function watch(
  client: RedisClient,
  store: StoreRole,
  { metrics, log }: { readonly metrics: Metrics; readonly log: Logger },
  { report, forget }: ReturnType<typeof reporter>,
): void {
  const up = (value: 0 | 1) => metrics.redis_up.set({ store }, value);
  up(0);
  client.on('ready', () => {
    up(1);
    forget();
    emit(log, 'redis_connected', { store });
  });
  client.on('close', () => up(0));
  client.on('error', report);
}

/** The method of a connector that takes a Sentinel's address; the types of ioredis do not show it. */
interface Connecting {
  connectToSentinel(endpoint: unknown, options?: unknown): Redis;
}

/**
 * ioredis' own connector, whose connections to Sentinels report their errors. Those that watch for a failover have no
 * listener (ioredis 6.0.0), so that ioredis would write each error as plain text to standard error, past the log.
 */
function reportingConnector(onError: (error: Error) => void): NonNullable<RedisOptions['Connector']> {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as SentinelConnectionOptions);
      const own = this as unknown as Connecting;
      const connect = own.connectToSentinel.bind(this);
      own.connectToSentinel = (...args) => connect(...args).on('error', onError);
    }
  };
}
