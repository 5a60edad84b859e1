import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { rawSettings, settingsOf } from './load.ts';

/**
 * Gives a stack's file the settings of an environment; what else is there stays: the stack's secrets, and what Pulumi keeps.
 * @param changes values by key path, laid over the environment's; undefined removes
 * @throws Error when there is no such environment
 */
export function writeStackSettings(
  file: string,
  environment: string,
  changes: Readonly<Record<string, unknown>> = {},
): void {
  const there = (existsSync(file) ? parse(readFileSync(file, 'utf8')) : {}) as StackFile;
  const before = new Set(named(settingsOf(there.config ?? {})).map(([key]) => key));
  const config = Object.fromEntries([
    ...Object.entries(there.config ?? {}).filter(([key]) => !before.has(key)),
    ...named(rawSettings(environment, changes)),
  ]);
  // Pulumi takes an unquoted date for a time.
  writeFileSync(file, stringify({ ...there, config }, { defaultStringType: 'QUOTE_DOUBLE' }));
}

interface StackFile {
  readonly config?: Readonly<Record<string, unknown>>;
}

const named = (settings: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(settings).map(([key, value]) => [`simple378:${key}`, value]);
