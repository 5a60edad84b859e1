import type { Mutant } from './types.ts';

/** Mutants of the service's own source. */
export function patchMutants(): readonly Mutant[] {
  return [];
}
