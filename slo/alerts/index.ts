import type { Alert } from './alert.ts';
import { edgeAlerts } from './edge.ts';
import { limiterAlerts } from './limiter.ts';
import { monitoringAlerts } from './monitoring.ts';
import type { AlertOptions } from './options.ts';
import { redisAlerts } from './redis.ts';
import { redisSafetyAlerts } from './redis-safety.ts';
import { securityAlerts } from './security.ts';
import { serviceAlerts } from './service.ts';

/** All alerts beside the burn rates, by the file they are written to. */
export const alertGroups = (options: AlertOptions) =>
  ({
    redis: [
      ...redisAlerts(options.redisServers),
      ...redisSafetyAlerts(options.redisServers, options.backupHours),
    ],
    limiter: limiterAlerts,
    security: securityAlerts(options.hasEdge),
    service: serviceAlerts(options),
    ...(options.hasEdge ? { edge: edgeAlerts } : {}),
    monitoring: monitoringAlerts(options),
  }) satisfies Record<string, readonly Alert[]>;
