import type { Alert } from './alert.ts';
import { limiterAlerts } from './limiter.ts';
import { monitoringAlerts } from './monitoring.ts';
import { redisAlerts } from './redis.ts';
import { redisSafetyAlerts } from './redis-safety.ts';
import { securityAlerts } from './security.ts';
import { serviceAlerts } from './service.ts';

/** What alerts depend on besides metrics. */
export interface AlertOptions {
  /** Servers of Redis that we run; with more than one, as many Sentinels. */
  readonly redisServers: number;
  /** Age of the newest copy of Redis that raises an alert, in hours; null where no copies are made. */
  readonly backupHours: number | null;
  /** Series that Prometheus may hold. */
  readonly seriesBudget: number;
}

/** What an environment has that has every alert. */
export const allAlerts = { redisServers: 3, backupHours: 3 } as const;

/** All alerts beside the burn rates, by the file they are written to. */
export const alertGroups = ({ redisServers, backupHours, seriesBudget }: AlertOptions) =>
  ({
    redis: [...redisAlerts(redisServers), ...redisSafetyAlerts(redisServers, backupHours)],
    limiter: limiterAlerts,
    security: securityAlerts,
    service: serviceAlerts,
    monitoring: monitoringAlerts(seriesBudget),
  }) as const satisfies Record<string, readonly Alert[]>;
