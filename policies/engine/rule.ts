import type { Environment } from '../../infra/settings/environments.ts';
import type { ControlId, Severity } from '../controls/catalogue.ts';

export type { Environment };

/** `mandatory` stops a deployment, `advisory` is reported only, `disabled` does not run. */
export type Level = 'mandatory' | 'advisory' | 'disabled';

/** One resource as Pulumi registers it, as `rendered/` holds it, or as the engine sends it to the pack. */
export interface Resource {
  /** Pulumi type token, for example `kubernetes:apps/v1:Deployment`. */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs; unknown values are Pulumi's sentinels, secrets may be wrapped. */
  readonly props: Readonly<Record<string, unknown>>;
  /** Resource options; absent where only the manifest is known, as in `rendered/`. */
  readonly opts?: { readonly protect?: boolean | undefined } | undefined;
  /** The file that the resource was read from, where there is one. */
  readonly file?: string | undefined;
}

/** A path that may be unknown at the first `pulumi up`, and the reason why that is acceptable. */
export interface MayBeUnknown {
  /** Property path with `*` for one segment, for example `data.*`. */
  readonly path: string;
  readonly reason: string;
}

/** JSON schema of a rule's settings, in the form that Pulumi's pack configuration validates. */
export interface ConfigSchema {
  readonly properties: Readonly<Record<string, ConfigProperty>>;
}
export interface ConfigProperty {
  readonly type: 'integer' | 'boolean' | 'string' | 'array';
  readonly items?: { readonly type: 'string' };
  readonly description: string;
  readonly default: unknown;
}

/** Values of a rule's settings, defaults filled in. */
export type Config = Readonly<Record<string, unknown>>;

interface RuleBase {
  /** Unique, kebab case; the name in Pulumi's output and in waivers. */
  readonly name: string;
  /** The control of the checklist that it proves. */
  readonly control: ControlId;
  /** The state that must hold, in one sentence. */
  readonly title: string;
  /** The damage when it does not hold. */
  readonly why: string;
  readonly severity: Severity;
  /** The change that fixes a violation, in one or two sentences. */
  readonly remediation: string;
  /** Ids of standards: `PSS restricted`, `CKV_K8S_20`, `CIS 5.2.6`, `ASVS 12.1.1`, … */
  readonly references: readonly string[];
  /** Levels that differ from `mandatory`. */
  readonly levels?: Partial<Readonly<Record<Environment, Level>>>;
  readonly mayBeUnknown?: readonly MayBeUnknown[];
  readonly config?: ConfigSchema;
  /** Reads resource options, which `rendered/` does not hold: runs in program and pack only. */
  readonly readsOptions?: true;
}

/** A rule on one resource at a time. */
export interface ResourceRule extends RuleBase {
  readonly scope: 'resource';
  /** Returns true when the rule judges this resource; an unknown value that it reads is a violation. */
  applies(resource: Resource): boolean;
  /** One message per violation. */
  check(resource: Resource, config: Config): Iterable<string>;
}

/** A rule on all resources of a stack at once. */
export interface StackRule extends RuleBase {
  readonly scope: 'stack';
  check(resources: readonly Resource[], config: Config): Iterable<Violation>;
}

export type Rule = ResourceRule | StackRule;

/** A violation that a stack rule reports; without a resource it concerns the stack as a whole. */
export interface Violation {
  readonly message: string;
  readonly resource?: Resource | undefined;
}

/** An agreed exception. An expired one is a violation itself. */
export interface Waiver {
  readonly rule: string;
  /** `Kind/name` of the resource, `*` for any run of characters in the name; `stack` for the stack as a whole. */
  readonly resource: string;
  readonly environments: readonly Environment[];
  readonly reason: string;
  readonly owner: string;
  /** Last day it holds, `YYYY-MM-DD` (UTC). */
  readonly expires: string;
}

/** One violation with everything that a report needs. */
export interface Finding {
  readonly rule: string;
  readonly level: Exclude<Level, 'disabled'>;
  readonly severity: Severity;
  readonly environment: Environment;
  /** `Kind/name`, or `stack`. */
  readonly resource: string;
  readonly urn: string | null;
  readonly message: string;
  readonly remediation: string;
  /** The value was unknown, so the rule could not pass it. */
  readonly unknown: boolean;
  readonly file: string | null;
  /** The waiver that covers it; a waived finding does not fail. */
  readonly waiver: Waiver | null;
}

/** Defines a rule on one resource at a time. */
export function resourceRule<const Name extends string>(
  rule: Omit<ResourceRule, 'scope' | 'name'> & { readonly name: Name },
): ResourceRule & { readonly name: Name } {
  return { ...rule, scope: 'resource' };
}

/** Defines a rule on the stack as a whole. */
export function stackRule<const Name extends string>(
  rule: Omit<StackRule, 'scope' | 'name'> & { readonly name: Name },
): StackRule & { readonly name: Name } {
  return { ...rule, scope: 'stack' };
}

/** Defines a setting that is a list of names. */
export function names(description: string, value: readonly string[]): ConfigSchema['properties'][string] {
  return { type: 'array', items: { type: 'string' }, description, default: value };
}

/** Defines a setting that is a whole number. */
export function integer(description: string, value: number): ConfigSchema['properties'][string] {
  return { type: 'integer', description, default: value };
}

/** Reported in local, dev and staging; stops a deployment in production. */
export const mandatoryInProd = { local: 'advisory', dev: 'advisory', staging: 'advisory' } as const;

/** Defines a setting that is true or false. */
export function flag(description: string, value: boolean): ConfigSchema['properties'][string] {
  return { type: 'boolean', description, default: value };
}
