import type { Settings } from './schema.ts';

/** A rule across fields: the problems it finds, each naming the keys, their values and what would do. */
export type Rule = (settings: Settings) => string[];

/** A list of one problem, or of none. */
export const problem = (when: boolean, what: () => string): string[] => (when ? [what()] : []);
