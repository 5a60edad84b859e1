import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate, type ServedCertificate } from './certificate.ts';
import { readPolicies } from './policies.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import { parseSettings, type Settings, SettingsError, type SettingsProblem } from './settings.ts';

/** Everything that the process reads before it starts. */
export interface Configuration {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly certificate: ServedCertificate;
}

/**
 * Reads environment, secrets, certificate and the other files named.
 * @throws SettingsError with every problem of all of them at once
 */
export function loadConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const problems: SettingsProblem[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const settings = attempt(() => parseSettings(environment));
  // Folders that are known are looked into even when another variable is wrong.
  const { SECRETS_DIR, TLS_DIR } = settings ?? environment;
  const secrets = SECRETS_DIR ? attempt(() => readSecrets(SECRETS_DIR)) : undefined;
  const certificate = TLS_DIR ? attempt(() => readCertificate(TLS_DIR)) : undefined;
  if (settings) {
    problems.push(...unreadable(settings));
    attempt(() => readPolicies(settings.POLICIES_FILE));
  }
  if (problems.length > 0 || !settings || !secrets || !certificate) throw new SettingsError(problems);
  return { settings, secrets, certificate };
}

/** Checks the files that are read later, when a connection is made. */
function unreadable(settings: Settings): SettingsProblem[] {
  const { REDIS_MODE, REDIS_SENTINEL_USER } = settings;
  const withSentinel = REDIS_MODE === 'sentinel' && REDIS_SENTINEL_USER !== '';
  const passwords = ['data', 'limiter', ...(withSentinel ? ['sentinel'] : [])];
  const files: [name: string, path: string | undefined][] = [
    ['REDIS_CA_FILE', settings.REDIS_CA_FILE],
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', settings.OTEL_EXPORTER_OTLP_CERTIFICATE],
    ...passwords.map((role): [string, string] => [
      `SECRETS_DIR/redis-${role}-password`,
      join(settings.SECRETS_DIR, `redis-${role}-password`),
    ]),
  ];
  return files.flatMap(([name, path]) => {
    if (path === undefined) return [];
    try {
      const content = readFileSync(path, 'utf8').trim();
      const short = name.endsWith('-password') && content.length < shortestRedisPassword;
      return short
        ? [{ name, found: `has fewer than ${shortestRedisPassword} characters`, remedy: 'make a random one' }]
        : [];
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      return [{ name, found: `cannot be read (${code})`, remedy: 'create it, readable by this user' }];
    }
  });
}

const shortestRedisPassword = 16;
