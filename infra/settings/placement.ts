import type { Placement } from './fields.ts';
import { amountOf } from './quantity.ts';
import { type Rule, refuseEach } from './rule.ts';
import type { Settings } from './schema.ts';

/** The settings that place a component's pods: their key, and how they are read. */
const placements = {
  'case-service': { key: 'app', of: ({ app }) => app },
  'limit-gateway': { key: 'app', of: ({ app }) => ({ ...app, resources: undefined }) },
  redis: { key: 'redis', of: ({ redis }) => redis },
  'redis-backup': { key: 'redis.backup', of: ({ redis }) => redis.backup },
  'redis-exporter': { key: 'redis', of: ({ redis }) => ({ ...redis, resources: undefined }) },
  edge: { key: 'edge', of: ({ edge }) => edge },
  prometheus: { key: 'prometheus', of: ({ prometheus }) => prometheus },
  alertmanager: { key: 'alertmanager', of: ({ alertmanager }) => alertmanager },
  grafana: { key: 'grafana', of: ({ grafana }) => grafana },
  'otel-collector': { key: 'tracing.collector', of: ({ tracing }) => tracing.collector },
  'trace-store': { key: 'tracing.store', of: ({ tracing }) => tracing.store },
} satisfies Record<string, { key: string; of: (settings: Settings) => Placement }>;

/** Name of a component whose pods can be placed. */
export type PlacedComponent = keyof typeof placements;

/** Whether pods of that name can be placed. */
export const isPlaced = (component: string): component is PlacedComponent => component in placements;

/** Returns size and placement of a component's pods. */
export const placementOf = (settings: Settings, component: PlacedComponent): Placement =>
  placements[component].of(settings);

/** Labels and annotations that this program needs for itself. */
const managedKeys =
  /^(app\.kubernetes\.io\/(name|instance|component|part-of|managed-by)|simple378\.example\/.*)$/;

const forEach = <T>(
  items: (placement: Placement) => readonly T[],
  message: (item: T, key: string) => string,
): Rule[] =>
  Object.entries(placements)
    .filter(([component]) => component !== 'redis-exporter' && component !== 'limit-gateway')
    .map(([, { key, of }]) =>
      refuseEach(
        (settings) => items(of(settings)),
        (item) => message(item, key),
      ),
    );

/** Placement of every component. */
export const placementRules: readonly Rule[] = [
  ...(['podLabels', 'podAnnotations'] as const).flatMap((field) =>
    forEach(
      (placement) => Object.keys(placement[field]).filter((name) => managedKeys.test(name)),
      (name, key) => `${key}.${field}: ${name} is set by this program; choose another key`,
    ),
  ),
  ...forEach(
    ({ tolerations }) =>
      tolerations.filter(
        ({ key, operator, value }) =>
          (operator === 'Exists' && value !== undefined) || (operator === 'Equal' && key === undefined),
      ),
    ({ operator }, key) =>
      `${key}.tolerations: one has the operator ${operator} ${operator === 'Exists' ? 'and a value; remove the value' : 'without a key; give the key, or set Exists'}`,
  ),
  ...forEach(
    ({ tolerations }) =>
      tolerations.filter(
        ({ effect, tolerationSeconds }) => tolerationSeconds !== undefined && effect !== 'NoExecute',
      ),
    ({ tolerationSeconds }, key) =>
      `${key}.tolerations: tolerationSeconds ${tolerationSeconds} belongs to the effect NoExecute; set it, or remove the seconds`,
  ),
  ...forEach(
    ({ resources }) =>
      (['cpu', 'memory', 'ephemeral-storage'] as const).filter(
        (name) => amountOf(resources?.requests?.[name]) > amountOf(resources?.limits?.[name]),
      ),
    (name, key) => `${key}.resources.requests.${name}: is above the limit; at most limits.${name}`,
  ),
];
