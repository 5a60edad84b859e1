import { readFileSync } from 'node:fs';
import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import { InvalidPolicies, missingPolicies, validatePolicies } from '../../contract/validate-policies.ts';

/** A file of policies that the service would refuse, with every reason on a line of its own. */
export class BadPolicies extends Error {}

/**
 * The rate limits of a file, held to what the service asks of them; the default ones when there is no file.
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
    return policies;
  } catch (error) {
    const problems =
      error instanceof InvalidPolicies
        ? error.problems
        : [`${(error as Error).message}; it must be a JSON list of policies`];
    throw new BadPolicies(`${path}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}
