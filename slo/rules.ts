import { Document, isMap, isScalar, visit } from 'yaml';
import { type Alert, dashboardUids, keepFiringFor, panelId } from './alerts/alert.ts';
import { budgetAlerts, burnAlerts } from './alerts/burn.ts';
import { alertGroups } from './alerts/index.ts';
import { seriesCounts } from './alerts/monitoring.ts';
import { allAlerts } from './alerts/options.ts';
import { type Environment, otherSeries, seriesBudgets } from './budget.ts';
import type { BudgetDays } from './objectives/burn-rates.ts';
import { checked } from './objectives/checks.ts';
import { type Objective, objectives } from './objectives/objectives.ts';
import { print } from './query/promql.ts';
import { type Group, recordings } from './recording.ts';

/** Where the links of alerts lead, and limits that settings choose. */
export interface RuleOptions {
  /** Where the runbooks are shown, an absolute URL; left out, links are their paths in this repository. */
  readonly runbooks?: string;
  /** Grafana's root URL; left out, links are paths below it. */
  readonly grafana?: string;
  /** What the uids of dashboards end in there, where several environments share it. */
  readonly dashboardSuffix?: string;
  /** Servers of Redis that we run; with more than one, as many Sentinels. */
  readonly redisServers?: number;
  /** Age of the newest copy of Redis that raises an alert, in hours; null where no copies are made. */
  readonly backupHours?: number | null;
  /** Whether this stack runs the edge (Traefik), and a collector of traces; true when left out. */
  readonly hasEdge?: boolean;
  readonly hasCollector?: boolean;
  /** Fewest replicas of the service, and the limits of each. */
  readonly replicas?: number;
  readonly cpuCores?: number;
  readonly memoryMib?: number;
  /** Periods of error budgets in days, beside 30. */
  readonly budgetDays?: readonly BudgetDays[];
  /** Days that Prometheus keeps samples: an objective over more stops the build. */
  readonly retentionDays?: number;
}

/** An alerting rule of Prometheus. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Prometheus's rule files of an environment: one per objective (recordings and burn-rate alerts) and one per subject.
 * @throws Error that names every objective that cannot be kept
 */
export function ruleFiles(
  environment: Environment,
  options: RuleOptions = {},
): { name: string; content: string }[] {
  checked(objectives, options.retentionDays);
  const groups = alertGroups({
    ...allAlerts,
    ...options,
    seriesBudget: seriesBudgets[environment].series + otherSeries,
  });
  const alerting = (name: string, alerts: readonly Omit<Alert, 'proof'>[]): Group<AlertingRule> => ({
    name,
    rules: alerts.map((alert) => alertingRule(alert, environment, options)),
  });
  return [
    ...objectives.map((objective: Objective) => ({
      name: `slo-${objective.id}.yml`,
      content: yaml([
        ...recordings(objective, environment, options),
        alerting(`${objective.id}-burn`, burnAlerts(objective)),
        alerting(`${objective.id}-budget`, budgetAlerts(objective, [30, ...(options.budgetDays ?? [])])),
      ]),
    })),
    ...Object.entries(groups).map(([name, alerts]) => ({
      name: `alerts-${name}.yml`,
      content: yaml([
        ...(name === 'monitoring' ? [{ name: 'series-counts', rules: seriesCounts }] : []),
        alerting(name, alerts),
      ]),
    })),
  ];
}

/** An alert as Prometheus reads it, with its links. */
export function alertingRule(
  alert: Omit<Alert, 'proof'>,
  environment: Environment,
  { runbooks = 'docs/runbooks', grafana = '', dashboardSuffix = '' }: RuleOptions = {},
): AlertingRule {
  const { dashboard, title } = alert.panel;
  return {
    alert: alert.name,
    expr: print(alert.expr),
    ...(alert.for === '0m' ? {} : { for: alert.for }),
    ...(alert.severity === 'critical' && alert.keepFiring !== false
      ? { keep_firing_for: keepFiringFor }
      : {}),
    labels: { severity: alert.severity, environment, ...alert.labels },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook_url: below(runbooks, `${alert.name}.md`),
      dashboard_url: below(
        grafana,
        `d/${dashboardUids[dashboard]}${dashboardSuffix}?viewPanel=${panelId(title)}&var-environment=${environment}`,
      ),
    },
  };
}

/** Base URLs are given with and without a slash at their end. */
const below = (base: string, path: string): string => `${base.replace(/\/+$/, '')}/${path}`;

/** No line folding: a query stays on its line, and so do the labels of a rule, so that a diff shows them whole. */
function yaml(groups: readonly object[]): string {
  const document = new Document({ groups }, { aliasDuplicateObjects: false });
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && key.value === 'labels' && isMap(value)) value.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}
