import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { environments } from './environments.ts';
import { parseSettings } from './parse.ts';
import type { Settings } from './schema.ts';

const project = 'simple378:';

/**
 * Reads and validates one environment's file, without Pulumi. Encrypted values stay in the file.
 * @param changes values by key path, `{ 'redis.mode': 'sentinel' }`, laid over the file's; undefined removes
 * @throws BadSettings; Error when there is no such file
 */
export function loadSettings(environment: string, changes: Readonly<Record<string, unknown>> = {}): Settings {
  return parseSettings(rawSettings(environment, changes), fileName(environment));
}

/** What one environment's file holds, unchecked. @throws Error when there is no such file */
export function rawSettings(
  environment: string,
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const name = fileName(environment);
  const file = new URL(`../../${name}`, import.meta.url);
  if (!existsSync(file)) throw new Error(`there is no ${name}; environments are ${environments.join(', ')}`);
  const content = parse(readFileSync(file, 'utf8')) as { config?: Record<string, unknown> } | null;
  return withChanges(settingsOf(content?.config ?? {}), changes);
}

const fileName = (environment: string) => `Pulumi.${environment}.yaml`;

/** The settings among a stack's configuration: keys of this project that hold no secret. */
export function settingsOf(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(
        ([key, value]) =>
          key.startsWith(project) && !isSecretKey(key.slice(project.length)) && !isEncrypted(value),
      )
      .map(([key, value]) => [key.slice(project.length), value]),
  );
}

/** Keys whose values are secrets, and no settings. */
function isSecretKey(key: string): boolean {
  return /^(receiver-.+|registry|grafana-token|grafana-oidc-secret|redis-external-.+|data-key-.+)$/.test(key);
}

function isEncrypted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'secure' in value;
}

function withChanges(
  raw: Record<string, unknown>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('.');
    const last = keys.pop() as string;
    let at = raw;
    for (const key of keys) {
      at[key] = { ...(at[key] as Record<string, unknown> | undefined) };
      at = at[key] as Record<string, unknown>;
    }
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return raw;
}
