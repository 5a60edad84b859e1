import { placementRules } from './placement.ts';
import type { Rule } from './rule.ts';
import { edge } from './rules-edge.ts';
import { limitGatewayRules } from './rules-limit-gateway.ts';
import { observability } from './rules-observability.ts';
import { redis } from './rules-redis.ts';
import { production, service } from './rules-service.ts';

/** All rules, in the order in which their problems are listed. */
export const rules: readonly Rule[] = [
  ...service,
  ...limitGatewayRules,
  ...redis,
  ...edge,
  ...observability,
  ...placementRules,
  ...production,
];
