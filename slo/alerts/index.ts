import type { Alert } from './alert.ts';
import { limiterAlerts } from './limiter.ts';
import { monitoringAlerts } from './monitoring.ts';
import { redisAlerts } from './redis.ts';
import { securityAlerts } from './security.ts';
import { serviceAlerts } from './service.ts';

/** What alerts depend on besides metrics. */
export interface AlertOptions {
  /** Age of the newest copy of Redis that raises an alert, in hours. */
  readonly backupHours: number;
  /** Series that Prometheus may hold. */
  readonly seriesBudget: number;
}

/** All alerts beside the burn rates, by the file they are written to. */
export const alertGroups = ({ backupHours, seriesBudget }: AlertOptions) =>
  ({
    redis: redisAlerts(backupHours),
    limiter: limiterAlerts,
    security: securityAlerts,
    service: serviceAlerts,
    monitoring: monitoringAlerts(seriesBudget),
  }) as const satisfies Record<string, readonly Alert[]>;
