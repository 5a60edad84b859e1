import { Argument, type Command, InvalidArgumentError } from 'commander';

/** Wrong usage, or something that the command needs is missing: exit code 2. */
export class CouldNotCheck extends Error {
  readonly exitCode: number = 2;
}

/** The command tried and the answer is no: exit code 1. */
export class DoesNotHold extends CouldNotCheck {
  override readonly exitCode = 1;
}

type Body<A extends unknown[]> = (...args: A) => number | Promise<number>;

/** Makes an action of a body that returns the exit code. */
export function exits<A extends unknown[]>(body: Body<A>): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = await body(...args);
  };
}

/** Parses an option's value as a whole number within a range. */
export const integer =
  (from: number, to: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to)
      throw new InvalidArgumentError(`It must be a whole number, ${from} to ${to}.`);
    return value;
  };

/** Parses an option's value as a number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value))
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** Parses an option's value as a duration in whole seconds: `90s`, `30m`, `24h`, `7d`. */
export function duration(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0)
    throw new InvalidArgumentError('It must be a number and a unit, such as 90s, 30m, 24h or 7d.');
  return Number(count) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 1);
}

/** Collects the values of an option that may be repeated. */
export const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value];

/** The option that changes settings for one run: `--set redis.mode=sentinel`. */
export function withSet(command: Command): Command {
  const parse = (value: string, earlier?: readonly string[]): string[] => {
    if (!/^[^=]+=/.test(value))
      throw new InvalidArgumentError('It must be KEY=VALUE, such as redis.mode=sentinel.');
    return collect(value, earlier);
  };
  return command.option(
    '--set <key=value>',
    'change a setting, as in redis.mode=sentinel; may be repeated',
    parse,
    [],
  );
}

/** The names of the environments, for arguments; each has a file Pulumi.<name>.yaml. */
export const environmentNames = ['local', 'dev', 'staging', 'prod'] as const;

/** An argument that names a Pulumi stack, whose settings are in Pulumi.<name>.yaml. */
export function stack(usage = '<environment>'): Argument {
  return new Argument(usage, 'an environment, or a stack with a file Pulumi.<name>.yaml');
}
