import type { Rule } from '../engine/rule.ts';
import { availabilityRules } from './availability.ts';
import { certificateRules } from './certificates.ts';
import { clusterRules } from './cluster.ts';
import { edgeRules } from './edge.ts';
import { limitRules } from './limits.ts';
import { networkRules } from './network.ts';
import { observabilityRules } from './observability.ts';
import { podRules } from './pods.ts';
import { redisRules } from './redis.ts';
import { secretRules } from './secrets.ts';
import { serviceRules } from './services.ts';
import { workloadRules } from './workloads.ts';

const all = [
  ...podRules,
  ...workloadRules,
  ...availabilityRules,
  ...secretRules,
  ...networkRules,
  ...serviceRules,
  ...edgeRules,
  ...certificateRules,
  ...clusterRules,
  ...redisRules,
  ...observabilityRules,
  ...limitRules,
] as const;

/** Every rule of the pack. The catalogue names them by {@link RuleName}, so a rule that is gone does not compile. */
export const rules: readonly Rule[] = all;

export type RuleName = (typeof all)[number]['name'];
