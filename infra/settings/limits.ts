import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import type { Settings } from './schema.ts';

/** The rate limits of an environment: the service's own policies with the settings' changes. */
export function limitsOf({ limits }: Pick<Settings, 'limits'>): Policy[] {
  return defaultPolicies.map((policy) => ({
    ...policy,
    ...limits.find(({ name }) => name === policy.name),
  }));
}
