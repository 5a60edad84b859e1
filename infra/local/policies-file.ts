import { readFileSync } from 'node:fs';
import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import {
  InvalidPolicies,
  missingPolicies,
  validatePolicies,
  withAnonymous,
} from '../../contract/validate-policies.ts';

/** The service would refuse a file of policies. The message lists every reason on a line of its own. */
export class BadPolicies extends Error {
  readonly exitCode = 78;
}

/**
 * Reads the rate limits of a file and validates them as the service does. Returns the default ones when there is no file.
 * @throws BadPolicies with every problem
 */
export function readPoliciesFile(path: string | null): readonly Policy[] {
  if (path === null) return defaultPolicies;
  try {
    const policies = validatePolicies(JSON.parse(readFileSync(path, 'utf8')));
    const missing = missingPolicies(policies).map(
      (name) => `no policy "${name}": add it, routes are limited by it`,
    );
    if (missing.length > 0) throw new InvalidPolicies(missing);
    return withAnonymous(policies);
  } catch (error) {
    const problems =
      error instanceof InvalidPolicies
        ? error.problems
        : [`${(error as Error).message}; it must be a JSON list of policies`];
    throw new BadPolicies(`${path}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}
