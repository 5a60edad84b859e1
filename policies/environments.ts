import { testedPerReplica } from '../infra/settings/capacity.ts';
import { environments } from '../infra/settings/environments.ts';
import { longestWindowSeconds } from '../slo/index.ts';
import type { Config, Environment } from './engine/types.ts';
import type { RuleName } from './rules/index.ts';

/** kind's API server is a container, anywhere in Docker's range. */
const kindNetwork = { inside: ['172.16.0.0/12'] };

/** Prometheus keeps at least what the longest objective looks back over. */
const monitoring = { 'prometheus-hardened': { retentionDays: Math.ceil(longestWindowSeconds / 86_400) } };

/** What the load test found; the settings are held to the same figure. */
const capacity = { 'limits-within-capacity': { perReplica: Math.floor(testedPerReplica() ?? 0) } };

/** Settings of rules that differ from the rule's defaults, per environment. */
export const environmentConfig: Readonly<Record<Environment, Partial<Readonly<Record<RuleName, Config>>>>> = {
  local: {
    ...monitoring,
    ...capacity,
    'case-service-replicas': { minimum: 2 },
    'network-no-internet': kindNetwork,
  },
  dev: {
    ...monitoring,
    ...capacity,
    'case-service-replicas': { minimum: 1 },
    'network-no-internet': kindNetwork,
  },
  staging: { ...monitoring, ...capacity, 'case-service-replicas': { minimum: 2 } },
  prod: { ...monitoring, ...capacity },
};

/** The environment that a stack name means, as `dev` or `dev-new` while it moves; the strictest where it means none. */
export function environmentOf(stack: string | undefined): Environment {
  return environments.find((name) => stack === name || stack?.startsWith(`${name}-`)) ?? 'prod';
}
