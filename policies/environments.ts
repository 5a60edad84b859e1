import { testedPerReplica } from '../infra/settings/capacity.ts';
import { environments } from '../infra/settings/environments.ts';
import { hasSettings, loadSettings, type Settings } from '../infra/settings/index.ts';
import { longestWindowSeconds } from '../slo/objectives/burn-rates.ts';
import type { Config, Environment } from './engine/rule.ts';
import type { RuleName } from './rules/index.ts';

type RuleConfig = Partial<Readonly<Record<RuleName, Config>>>;

/** Fewest pods of the service where fewer than in prod will do. */
const minimumReplicas: Readonly<Partial<Record<Environment, number>>> = { local: 2, dev: 1, staging: 2 };

/** Returns the settings of rules that follow from a stack's settings: facts of its cluster and its kind of environment. */
export function ruleConfig(settings: Settings): RuleConfig {
  const { cluster, environment, registries, registryMirror, storage } = settings;
  const minimum = minimumReplicas[environment];
  return {
    // Prometheus keeps at least what the longest objective looks back over.
    'prometheus-hardened': { retentionDays: Math.ceil(longestWindowSeconds / 86_400) },
    // What the load test found; the settings are held to the same figure.
    'limits-within-capacity': { perReplica: Math.floor(testedPerReplica() ?? 0) },
    ...(minimum === undefined ? {} : { 'case-service-replicas': { minimum } }),
    'network-no-internet': { inside: cluster.internalCidrs, ...cluster.egressPrefix },
    'image-registry-allowed': {
      registries: [...registries, ...(registryMirror ? [`${registryMirror}/`] : [])],
    },
    'storage-encrypted': {
      classes: [
        ...storage.encryptedClasses,
        ...(storage.encrypted && storage.className ? [storage.className] : []),
      ],
    },
    'pod-runs-as-non-root': { idsOfNamespace: cluster.platform === 'openshift' },
    'namespace-bounded': { elsewhere: !cluster.quota.enabled },
  };
}

/** Settings of rules that differ from the rule's defaults, for the environments of this repository. */
export const environmentConfig = Object.fromEntries(
  environments.map((environment) => [environment, ruleConfig(loadSettings(environment))]),
) as Readonly<Record<Environment, RuleConfig>>;

/**
 * Returns a stack's kind of environment: the one in its own file; without a file the one that its name begins with, as `dev-new`
 * while a stack moves; the strictest where the name means none.
 */
export function environmentOf(stack: string | undefined): Environment {
  const own = stack === undefined ? undefined : settingsOfStack(stack);
  if (own) return own.environment;
  return environments.find((name) => stack === name || stack?.startsWith(`${name}-`)) ?? 'prod';
}

/** Returns the settings of rules for a stack. */
export function configOf(stack: string | undefined): RuleConfig {
  const own = stack === undefined ? undefined : settingsOfStack(stack);
  return own ? ruleConfig(own) : environmentConfig[environmentOf(stack)];
}

/** The settings in a stack's own file; none where there is no file, or a wrong one, which the program reports. */
function settingsOfStack(stack: string): Settings | undefined {
  try {
    return hasSettings(stack) ? loadSettings(stack) : undefined;
  } catch {
    return undefined;
  }
}
