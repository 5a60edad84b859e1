import type {
  PolicyConfigSchema,
  PolicyResource,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from '@pulumi/policy';
import { PolicyPack } from '@pulumi/policy';
import { evaluate, levelOf, withDefaults } from './engine/evaluate.ts';
import type { Config, Finding, Resource, Rule } from './engine/rule.ts';
import { configOf, environmentOf } from './environments.ts';
import { rules } from './rules/index.ts';
import { waivers } from './waivers.ts';

/**
 * The policy pack as Pulumi runs it: the same rules as `npm run policies`, one Pulumi policy each. The engine
 * names the stack in the environment; levels and settings follow from it, `--policy-pack-config` wins over both.
 */
const stack = process.env.PULUMI_NODEJS_STACK ?? process.env.PULUMI_STACK;
const environment = environmentOf(stack);
const ruleConfig = configOf(stack);

/** Requested properties by URN: the engine sends every resource alone before the stack as a whole. */
const inputs = new Map<string, Resource['props']>();

new PolicyPack('simple378', {
  description: 'The security checklist of Simple378',
  displayName: 'Simple378 security checklist',
  policies: [...rules.map(policy), waiversInForce()],
});

function policy(rule: Rule): ResourceValidationPolicy | StackValidationPolicy {
  const common = {
    name: rule.name,
    description: rule.title,
    enforcementLevel: levelOf(rule, environment),
    severity: rule.severity,
    remediationSteps: rule.remediation,
    tags: [...rule.references],
    framework: {
      name: 'Simple378 security checklist',
      version: '1',
      reference: 'docs/security.md',
      specification: rule.why,
    },
    ...(rule.config ? { configSchema: schema(rule) } : {}),
  };
  if (rule.scope === 'stack')
    return {
      ...common,
      validateStack: ({ resources, getConfig }, report) =>
        judge(rule, resources.flatMap(requested), getConfig<Config>()).forEach(({ message, urn }) => {
          report(message, urn ?? undefined);
        }),
    };
  return {
    ...common,
    validateResource: ({ getConfig, ...args }, report) => {
      const resource = plain(args);
      inputs.set(resource.urn, resource.props);
      judge(rule, [resource], getConfig<Config>()).forEach(({ message }) => {
        report(message);
      });
    },
  };
}

/** Returns the schema of a rule's settings; its defaults are the environment's, because the engine fills them in. */
function schema(rule: Rule): PolicyConfigSchema {
  const defaults = withDefaults(rule, settings(rule));
  const properties = Object.entries(rule.config?.properties ?? {}).map(([name, property]) => [
    name,
    { ...property, default: defaults[name] },
  ]);
  return { properties: Object.fromEntries(properties) as Required<PolicyConfigSchema>['properties'] };
}

function judge(rule: Rule, resources: readonly Resource[], given: Config): readonly Finding[] {
  const config = { [rule.name]: { ...settings(rule), ...given } };
  return evaluate(resources, { environment, rules: [rule], config, waivers: inForce() }).filter(
    ({ waiver }) => waiver === null,
  );
}

function settings(rule: Rule): Config {
  return (ruleConfig as Readonly<Record<string, Config>>)[rule.name] ?? {};
}

function waiversInForce(): StackValidationPolicy {
  return {
    name: 'waiver-in-force',
    description: 'Waivers have not ended',
    enforcementLevel: 'mandatory',
    severity: 'high',
    validateStack: (_args, report) => {
      for (const { message } of evaluate([], { environment, rules: [], waivers })) report(message);
    },
  };
}

/** Returns the waivers that hold today; the policy `waiver-in-force` reports the expired ones. */
function inForce(): typeof waivers {
  const today = new Date().toISOString().slice(0, 10);
  return waivers.filter(({ expires }) => expires >= today);
}

type Described = Omit<PolicyResource, 'isType' | 'asType' | 'dependencies' | 'propertyDependencies'>;

/**
 * Returns a resource of the stack with its requested properties; none for a resource that is about to be deleted. The engine
 * sends a stack's resources with the server's answer, which includes defaults and an autoscaler's replicas.
 */
function requested(described: Described): Resource[] {
  const props = inputs.get(described.urn);
  return props ? [{ ...plain(described), props }] : [];
}

/**
 * Returns a resource without Pulumi's proxy, under which a rule that reads an unknown value only leaves a note; the rules
 * refuse unknown values themselves.
 */
function plain({ type, name, urn, opts, props }: Described): Resource {
  return { type, name, urn, opts, props: (props.__getSpecialProxyTarget ?? props) as Resource['props'] };
}
