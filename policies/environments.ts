import type { Config, Environment } from './engine/types.ts';
import { environments } from './engine/types.ts';
import type { RuleName } from './rules/index.ts';

/** kind's API server is a container, anywhere in Docker's range. */
const kindNetwork = { inside: ['172.16.0.0/12'] };

/** Settings of rules that differ from the rule's defaults, per environment. */
export const environmentConfig: Readonly<Record<Environment, Partial<Readonly<Record<RuleName, Config>>>>> = {
  local: { 'case-service-replicas': { minimum: 2 }, 'network-no-internet': kindNetwork },
  dev: { 'case-service-replicas': { minimum: 1 }, 'network-no-internet': kindNetwork },
  staging: { 'case-service-replicas': { minimum: 2 } },
  prod: {},
};

/** The environment that a stack name means; the strictest where it means none. */
export function environmentOf(stack: string | undefined): Environment {
  return environments.find((name) => name === stack) ?? 'prod';
}
