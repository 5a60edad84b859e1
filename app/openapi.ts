import { Redis } from 'ioredis';
import { createRateLimiter } from '../limiter/index.ts';
import { createApi } from './api.ts';
import { createAccounts } from './auth/index.ts';
import type { Context } from './http/context.ts';
import type { Secrets } from './settings/secrets.ts';
import { parseSettings } from './settings/settings.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';

/** The content of `app/openapi.json`, from the routes as the service registers them; nothing is connected to. */
export async function openApiText(): Promise<string> {
  const redis = new Redis({ lazyConnect: true });
  const metrics = createMetrics();
  const settings = parseSettings({
    ENVIRONMENT: 'local',
    LOG_LEVEL: 'silent',
    SECRETS_DIR: '-',
    TLS_DIR: '-',
    REDIS_URL: 'rediss://localhost:6379',
    REDIS_CA_FILE: '-',
    TOKEN_ISSUER: 'https://localhost',
  });
  const context: Context = {
    settings,
    // Read for requests only, and there will be none.
    secrets: { current: {} as Secrets },
    metrics,
    log: createLog(settings, metrics).log,
    data: redis,
    limiter: createRateLimiter({ redis }),
  };
  const api = await createApi(context, createAccounts(redis, metrics, context.secrets), {
    booted: false,
    draining: false,
  });
  await api.ready();
  const text = `${JSON.stringify(api.openapi(), null, 2)}\n`;
  await api.close();
  redis.disconnect();
  return text;
}
