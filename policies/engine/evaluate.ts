import { kindOf, label } from './kubernetes.ts';
import type {
  Config,
  Environment,
  Finding,
  Level,
  Resource,
  ResourceRule,
  Rule,
  StackRule,
  Violation,
  Waiver,
} from './rule.ts';
import { escapeRegExp, guarded, UnknownValue } from './unknown.ts';

/** What to judge, and by what. */
export interface Evaluation {
  readonly environment: Environment;
  readonly rules: readonly Rule[];
  /** Settings per rule that differ from the rule's defaults. */
  readonly config?: Readonly<Record<string, Config>>;
  readonly waivers?: readonly Waiver[];
  /** Today, `YYYY-MM-DD`; waivers end by it. */
  readonly today?: string;
  /** False where only manifests are known: rules on resource options do not run. */
  readonly options?: boolean;
}

/**
 * All violations of the rules by a stack's resources, waived ones marked; sorted, so that reports are stable.
 * A waiver that has expired is a mandatory finding of its own.
 */
export function evaluate(resources: readonly Resource[], evaluation: Evaluation): readonly Finding[] {
  const { environment, rules, config = {}, waivers = [], options = true } = evaluation;
  const today = evaluation.today ?? new Date().toISOString().slice(0, 10);
  const findings = rules.flatMap((rule) => {
    const level = levelOf(rule, environment);
    if (level === 'disabled' || (rule.readsOptions && !options)) return [];
    return violationsOf(rule, resources, withDefaults(rule, config[rule.name])).map((violation) =>
      finding(rule, level, environment, violation, waivers, today),
    );
  });
  return [...findings, ...expired(waivers, environment, today)].sort(byResource);
}

/** The level of a rule in an environment; `mandatory` unless it says otherwise. */
export function levelOf(rule: Rule, environment: Environment): Level {
  return rule.levels?.[environment] ?? 'mandatory';
}

/** A rule's settings, its defaults filled in. */
export function withDefaults(rule: Rule, given: Config | undefined): Config {
  const defaults = Object.entries(rule.config?.properties ?? {}).map(([name, property]) => [
    name,
    property.default,
  ]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** What a violation is before levels and waivers. */
export interface RawViolation extends Violation {
  readonly unknown: boolean;
}

/** One rule over the resources of a stack. A value that is not known is a violation. */
export function violationsOf(rule: Rule, resources: readonly Resource[], config: Config): RawViolation[] {
  return rule.scope === 'stack'
    ? collect(rule, resources, config)
    : resources.flatMap((resource) => checkResource(rule, resource, config));
}

/** One resource rule over one resource. */
function checkResource(rule: ResourceRule, resource: Resource, config: Config): RawViolation[] {
  const view = guarded(resource, rule.mayBeUnknown);
  return failClosed(function* () {
    if (!rule.applies(view)) return;
    for (const message of rule.check(view, config)) yield { message, resource };
  });
}

function collect(rule: StackRule, resources: readonly Resource[], config: Config): RawViolation[] {
  const views = resources.map((resource) => guarded(resource, rule.mayBeUnknown));
  return failClosed(() => rule.check(views, config));
}

function failClosed(check: () => Iterable<Violation>): RawViolation[] {
  const found: RawViolation[] = [];
  try {
    for (const violation of check()) found.push({ ...violation, unknown: false });
  } catch (error) {
    if (!(error instanceof UnknownValue)) throw error;
    found.push({ message: error.message, resource: error.resource, unknown: true });
  }
  return found;
}

function finding(
  rule: Rule,
  level: Exclude<Level, 'disabled'>,
  environment: Environment,
  violation: RawViolation,
  waivers: readonly Waiver[],
  today: string,
): Finding {
  const resource = violation.resource ? safeLabel(violation.resource) : 'stack';
  const covers = (waiver: Waiver): boolean =>
    waiver.rule === rule.name &&
    waiver.environments.includes(environment) &&
    waiver.expires >= today &&
    resourcePattern(waiver.resource).test(resource);
  return {
    rule: rule.name,
    level,
    severity: rule.severity,
    environment,
    resource,
    urn: violation.resource?.urn ?? null,
    message: violation.message,
    remediation: rule.remediation,
    unknown: violation.unknown,
    file: violation.resource?.file ?? null,
    waiver: waivers.find(covers) ?? null,
  };
}

/** The label may itself hold an unknown name; then Pulumi's own name of the resource serves. */
function safeLabel(resource: Resource): string {
  try {
    return label(guarded(resource));
  } catch {
    return `${kindOf(resource)}/${resource.name}`;
  }
}

function expired(waivers: readonly Waiver[], environment: Environment, today: string): readonly Finding[] {
  return waivers
    .filter((waiver) => waiver.environments.includes(environment) && waiver.expires < today)
    .map((waiver) => ({
      rule: 'waiver-in-force',
      level: 'mandatory',
      severity: 'high',
      environment,
      resource: waiver.resource,
      urn: null,
      message: `the waiver of ${waiver.rule} by ${waiver.owner} ended on ${waiver.expires}`,
      remediation: 'Fix what it excused and remove it from policies/waivers.ts, or agree on a new date.',
      unknown: false,
      file: 'policies/waivers.ts',
      waiver: null,
    }));
}

function resourcePattern(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`);
}

function byResource(a: Finding, b: Finding): number {
  return (
    a.environment.localeCompare(b.environment) ||
    a.rule.localeCompare(b.rule) ||
    a.resource.localeCompare(b.resource) ||
    a.message.localeCompare(b.message)
  );
}

/** True when nothing stops a deployment: every mandatory finding is waived. */
export function holds(findings: readonly Finding[]): boolean {
  return findings.every(({ level, waiver }) => level !== 'mandatory' || waiver !== null);
}
