import type { Environment } from '../../infra/settings/environments.ts';

/** What a policy rule is, what it reads and what it reports. Types only. */

export type { Environment };

/** How bad a violation is; the pack hands it to Pulumi, SARIF maps it to error, warning and note. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';

/** `mandatory` stops a deployment, `advisory` is said only, `disabled` does not run. */
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

/** A path that a rule may find unknown at the first `pulumi up`, and why that is acceptable. */
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
  /** Unique, kebab case; the name in Pulumi's output, in waivers and in the catalogue. */
  readonly name: string;
  /** One sentence: what must hold. */
  readonly title: string;
  /** What goes wrong without it. */
  readonly why: string;
  readonly severity: Severity;
  /** What to change, in one or two sentences. */
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

/** Looks at one resource at a time. */
export interface ResourceRule extends RuleBase {
  readonly scope: 'resource';
  /** Whether the rule has an opinion on this resource; an unknown value that it reads is a violation too. */
  applies(resource: Resource): boolean;
  /** One message per violation. */
  check(resource: Resource, config: Config): Iterable<string>;
}

/** Looks at all resources of a stack at once. */
export interface StackRule extends RuleBase {
  readonly scope: 'stack';
  check(resources: readonly Resource[], config: Config): Iterable<Violation>;
}

export type Rule = ResourceRule | StackRule;

/** What a stack rule reports; without a resource it is the stack as a whole. */
export interface Violation {
  readonly message: string;
  readonly resource?: Resource | undefined;
}

/** An agreed exception. Expired, it is a violation itself. */
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

/** One violation with all that a report needs. */
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
