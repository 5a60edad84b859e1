import type { Settings } from './schema.ts';

/**
 * One rule across fields: the problems it finds, each with the keys, their values and the remedy. It reads no more than it
 * judges: a rule is left out where a value that it reads is wrong by itself.
 */
export type Rule = (settings: Settings) => readonly string[];

/** Returns a rule of one problem. */
export const refuse =
  (when: (settings: Settings) => unknown, message: (settings: Settings) => string): Rule =>
  (settings) =>
    when(settings) ? [message(settings)] : [];

/** Returns a rule with one problem for each item. */
export const refuseEach =
  <T>(items: (settings: Settings) => readonly T[], message: (item: T, settings: Settings) => string): Rule =>
  (settings) =>
    items(settings).map((item) => message(item, settings));

/** Returns the values that occur a second time. */
export const repeated = (values: readonly string[]): string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);
