import type { Settings } from './schema.ts';

/**
 * One rule across fields: the problems it finds, each naming the keys, their values and what would do. It reads no more than it
 * judges: a rule is left out where a value that it reads is wrong by itself.
 */
export type Rule = (settings: Settings) => string[];

/** A list of one problem, or of none. */
export const problem = (when: boolean, what: () => string): string[] => (when ? [what()] : []);

/** Values that are there again. */
export const repeated = (values: readonly string[]): string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);
