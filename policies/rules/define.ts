import type { ConfigSchema, ResourceRule, StackRule } from '../engine/types.ts';

/** A rule on one resource at a time. */
export function resourceRule<const Name extends string>(
  rule: Omit<ResourceRule, 'scope' | 'name'> & { readonly name: Name },
): ResourceRule & { readonly name: Name } {
  return { ...rule, scope: 'resource' };
}

/** A rule on the stack as a whole. */
export function stackRule<const Name extends string>(
  rule: Omit<StackRule, 'scope' | 'name'> & { readonly name: Name },
): StackRule & { readonly name: Name } {
  return { ...rule, scope: 'stack' };
}

/** A setting that is a list of names. */
export function names(description: string, value: readonly string[]): ConfigSchema['properties'][string] {
  return { type: 'array', items: { type: 'string' }, description, default: value };
}

/** A setting that is a whole number. */
export function integer(description: string, value: number): ConfigSchema['properties'][string] {
  return { type: 'integer', description, default: value };
}

/** Local and small clusters are told; production is stopped. */
export const mandatoryInProd = { local: 'advisory', dev: 'advisory', staging: 'advisory' } as const;

/** A setting that is true or false. */
export function flag(description: string, value: boolean): ConfigSchema['properties'][string] {
  return { type: 'boolean', description, default: value };
}
