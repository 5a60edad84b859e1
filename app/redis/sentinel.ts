import { type Redis, type RedisOptions, type SentinelConnectionOptions, SentinelConnector } from 'ioredis';

/** What a connector does with a Sentinel's address; a method of its class that the types do not show. */
interface Connecting {
  connectToSentinel(endpoint: unknown, options?: unknown): Redis;
}

/**
 * ioredis' own connector, whose connections to Sentinels report their errors. Those that watch for a failover have no
 * listener (ioredis 6.0.0), so that ioredis would write each error as plain text to standard error, past the log.
 */
export function reportingConnector(onError: (error: Error) => void): NonNullable<RedisOptions['Connector']> {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as SentinelConnectionOptions);
      const own = this as unknown as Connecting;
      const connect = own.connectToSentinel.bind(this);
      own.connectToSentinel = (...args) => connect(...args).on('error', onError);
    }
  };
}
