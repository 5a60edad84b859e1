import type { Policy } from '../../contract/policies.ts';
import { loadSettings, rawSettings } from '../settings/index.ts';
import { limitsOf } from '../settings/limits.ts';

/** The environment `local`, as far as processes on one machine can have it. */
export interface LocalEnvironment {
  readonly policies: readonly Policy[];
  readonly users: readonly { readonly email: string; readonly role: string }[];
  /** Settings of the service, by the name of their environment variable. */
  readonly service: Readonly<Record<string, string>>;
  /** Keys of the file that only a cluster uses. */
  readonly notApplied: readonly string[];
}

const applied = ['environment', 'limits', 'app.users', 'app.allowedOrigins', 'app.logLevel'];

/**
 * Reads `Pulumi.local.yaml`.
 * @throws BadSettings with every problem
 */
export function localEnvironment(): LocalEnvironment {
  const settings = loadSettings('local');
  const { allowedOrigins, logLevel, users } = settings.app;
  return {
    policies: limitsOf(settings),
    users,
    service: {
      LOG_LEVEL: logLevel,
      ...(allowedOrigins.length > 0 ? { ALLOWED_ORIGINS: allowedOrigins.join(',') } : {}),
    },
    notApplied: Object.entries(rawSettings('local')).flatMap(([section, value]) =>
      notApplied(section, value),
    ),
  };
}

/** Returns a section's keys that are not applied, or the section's name where none of them is. */
function notApplied(section: string, value: unknown): string[] {
  if (applied.includes(section)) return [];
  if (!applied.some((key) => key.startsWith(`${section}.`))) return [section];
  return Object.keys(value as object)
    .map((key) => `${section}.${key}`)
    .filter((key) => !applied.includes(key));
}
