import { readFileSync } from 'node:fs';
import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import { missingPolicies, validatePolicies, withAnonymous } from '../../contract/validate-policies.ts';
import { InvalidPolicies } from '../../limiter/index.ts';
import { SettingsError } from './settings.ts';

/**
 * The rate-limit policies of a file, or the default ones. The built-in route classes need all of the default names.
 * @throws SettingsError with every problem
 */
export function readPolicies(path: string | undefined): readonly Policy[] {
  if (path === undefined) return defaultPolicies;
  const problem = (found: string, remedy: string) => ({ name: 'POLICIES_FILE', found, remedy });
  try {
    const policies = validatePolicies(JSON.parse(readFileSync(path, 'utf8')));
    const missing = missingPolicies(policies);
    if (missing.length === 0) return withAnonymous(policies);
    throw new SettingsError(
      missing.map((name) => problem(`has no policy "${name}"`, 'add it: routes are limited by it')),
    );
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    if (error instanceof InvalidPolicies)
      throw new SettingsError(error.problems.map((found) => problem(found, 'correct it')));
    throw new SettingsError([problem('cannot be read as JSON', 'write a list of policies there')]);
  }
}
