import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import Value from 'typebox/value';
import { judged, keyOf } from './guard.ts';
import { rules } from './rules.ts';
import { type Settings, settingsSchema } from './schema.ts';

/** All that is wrong with one environment's settings; exit code 78. */
export class BadSettings extends Error {
  readonly exitCode = 78;
  readonly problems: readonly string[];
  constructor(problems: readonly string[], source: string) {
    super(
      `${source}: ${problems.length} problem(s)\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.name = 'BadSettings';
    this.problems = problems;
  }
}

const validator = Compile(settingsSchema);

/**
 * Settings of one environment from what its file or Pulumi's configuration holds.
 * @param source named in the error, for example `Pulumi.dev.yaml`
 * @throws BadSettings with every problem: first those of single values, then those across values, as far as these are right
 */
export function parseSettings(raw: unknown, source: string): Settings {
  const value = Value.Default(settingsSchema, Value.Clone(raw ?? {}));
  const single = problemsOf(value);
  const wrong = new Set(single.keys());
  const settings = value as Settings;
  const across = rules.flatMap((rule) => judged(rule, settings, wrong));
  const problems = [...single.values(), ...across];
  if (problems.length > 0) throw new BadSettings(problems, source);
  return settings;
}

/** The problems of single values by their keys. */
function problemsOf(value: unknown): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const error of validator.Errors(value)) {
    // The error of the keyword itself names the object; this one would show a value for a wrong key.
    if (error.schemaPath.endsWith('/propertyNames')) continue;
    const at = error.instancePath.split('/').slice(1).map(unescapePointer);
    const report = (path: readonly string[], what: string) => {
      const key = keyPath(path);
      if (!problems.has(key)) problems.set(key, `${key}: ${what}`);
    };
    if (error.keyword === 'required')
      for (const key of (error.params as { requiredProperties: string[] }).requiredProperties)
        report([...at, key], `is missing; ${allowed(schemaAt([...at, key]))}`);
    else if (error.keyword === 'additionalProperties')
      for (const key of (error.params as { additionalProperties: string[] }).additionalProperties)
        report([...at, key], `is not a setting; there are ${siblings(at)}`);
    else if (error.keyword !== 'boolean')
      report(at, `${shown(valueAt(value, at))} is not allowed; ${allowed(schemaAt(at))}`);
  }
  return problems;
}

/** A key in a JSON pointer. */
const unescapePointer = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

const keyPath = (path: readonly string[]): string => path.reduce(keyOf, '');

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function siblings(path: readonly string[]): string {
  return Object.keys(schemaAt(path)?.properties ?? {}).join(', ');
}

type Described = TSchema & {
  allowed?: string;
  enum?: string[];
  type?: string;
  minimum?: number;
  maximum?: number;
  minProperties?: number;
  properties?: Record<string, Described>;
  patternProperties?: Record<string, Described>;
  items?: Described;
};

/** What a schema admits, in words; the same in errors and in docs/settings.md. */
export function allowed(schema: Described | undefined): string {
  if (schema?.allowed) return `allowed is ${schema.allowed}`;
  if (schema?.enum) return `allowed are ${schema.enum.join(', ')}`;
  if (schema?.type === 'integer')
    return `allowed are whole numbers from ${schema.minimum} to ${schema.maximum}`;
  if (schema?.type === 'number') return `allowed are numbers from ${schema.minimum} to ${schema.maximum}`;
  if (schema?.type === 'boolean') return 'allowed are true and false';
  if (schema?.type === 'array') return 'allowed is a list without duplicates';
  return 'allowed is a set of keys and values';
}

function schemaAt(path: readonly string[]): Described | undefined {
  let schema: Described | undefined = settingsSchema as Described;
  for (const part of path) {
    const [anyKey]: Described[] = Object.values(schema?.patternProperties ?? {});
    schema = /^\d+$/.test(part) ? schema?.items : (schema?.properties?.[part] ?? anyKey);
  }
  return schema;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const part of path) found = (found as Record<string, unknown> | undefined)?.[part];
  return found;
}
