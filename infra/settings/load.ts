import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseSettings } from './parse.ts';
import type { Settings } from './schema.ts';

const project = 'simple378:';

/**
 * Reads and validates the settings of one stack from Pulumi.<stack>.yaml, without Pulumi. Encrypted values stay in the file.
 * @param stack its name is free; the file names the environment
 * @param changes values by key path, `{ 'redis.mode': 'sentinel' }`, laid over the file's; undefined removes
 * @throws BadSettings; Error when there is no such file
 */
export function loadSettings(stack: string, changes: Readonly<Record<string, unknown>> = {}): Settings {
  return parseSettings(rawSettings(stack, changes), fileName(stack));
}

/** Returns what a stack's file holds, unchecked. @throws Error when there is no such file */
export function rawSettings(
  stack: string,
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const file = new URL(fileName(stack), root);
  if (!isStackName(stack) || !existsSync(file))
    throw new Error(
      `there is no ${fileName(stack)}: write it, with simple378:environment, or name one of ${stackNames().join(', ')}`,
    );
  const content = parse(readFileSync(file, 'utf8')) as { config?: Record<string, unknown> } | null;
  return withChanges(settingsOf(content?.config ?? {}), changes);
}

const root = new URL('../../', import.meta.url);
/** A stack may be named with its organization and project; its file is not. */
const fileName = (stack: string) => `Pulumi.${stack.slice(stack.lastIndexOf('/') + 1)}.yaml`;
const isStackName = (stack: string) => /^([\w.-]+\/){0,2}[\w.-]+$/.test(stack);

/** Whether a stack has a file of its own. */
export const hasSettings = (stack: string): boolean =>
  isStackName(stack) && existsSync(new URL(fileName(stack), root));

/** Returns the stacks that have a file, by name. */
export const stackNames = (): string[] =>
  readdirSync(root)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();

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
  return /^(receiver-.+|remote-write-.+|registry|grafana-token|grafana-oidc-secret|redis-external-.+|data-key-.+)$/.test(
    key,
  );
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
