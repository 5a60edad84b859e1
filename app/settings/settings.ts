import { hostname } from 'node:os';
import { readServiceSettings, type SettingsProblem } from '../../contract/check-service-settings.ts';
import type { ServiceSettings } from '../../contract/service-settings.ts';

export type { SettingsProblem } from '../../contract/check-service-settings.ts';

/** All problems of the settings at once. The process prints them and exits with 78 (EX_CONFIG). */
export class SettingsError extends Error {
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map(({ name, found, remedy }) => `${name}: ${found}; ${remedy}`).join('\n'));
    this.problems = problems;
  }
}

/** The settings of one process, by the names of their variables. */
export type Settings = ServiceSettings & {
  readonly INSTANCE: string;
  readonly trustedProxies: readonly string[];
  readonly allowedOrigins: readonly string[];
};

/**
 * Reads the settings from environment variables.
 * @throws SettingsError with every problem
 */
export function parseSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { settings, problems } = readServiceSettings(environment);
  if (problems.length > 0) throw new SettingsError(problems);
  const host = hostname().replace(/[^A-Za-z0-9._-]/g, '-');
  return {
    ...settings,
    INSTANCE: settings.INSTANCE ?? host.slice(0, 64),
    trustedProxies: settings.TRUSTED_PROXIES?.split(',') ?? [],
    allowedOrigins: settings.ALLOWED_ORIGINS?.split(',') ?? [],
  };
}
