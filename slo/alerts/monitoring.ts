import { absent, constant, gt, increase, lt, or, sum } from '../promql.ts';
import { alertmanager, prometheus, target } from '../selectors.ts';
import type { Alert } from './alert.ts';

const panel = (title: string) => ({ dashboard: 'runtime', title }) as const;

/** The parts that watch: a silent monitor looks like a healthy system. @param seriesBudget see `budget.ts` */
export const monitoringAlerts = (seriesBudget: number): readonly Alert[] => [
  {
    name: 'Watchdog',
    severity: 'none',
    for: '0m',
    expr: constant(1),
    summary: 'Alerting works',
    description: 'Always fires. Whoever receives it must raise an alarm when it stops coming.',
    panel: panel('Monitoring targets'),
    proof: { fires: { 'up{job="prometheus"}': '1x10' }, silent: [], at: '5m' },
  },
  {
    name: 'PrometheusReloadFailed',
    severity: 'warning',
    for: '5m',
    expr: lt(prometheus.gauge('prometheus_config_last_reload_successful'), 1),
    summary: 'Prometheus runs with an old configuration',
    description: 'Its last reload failed: new rules and targets are not in force.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'prometheus_config_last_reload_successful{job="prometheus"}': '0x20' },
      silent: [{ 'prometheus_config_last_reload_successful{job="prometheus"}': '1x11 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'PrometheusRuleFailures',
    severity: 'critical',
    for: '5m',
    expr: gt(
      sum(increase(prometheus.counter('prometheus_rule_evaluation_failures_total'), '10m'), ['environment']),
      0,
    ),
    summary: 'Rules fail to evaluate, so alerts may be blind',
    description: '{{ $value | humanize }} evaluations failed in ten minutes.',
    panel: panel('Rule and notification failures'),
    proof: {
      fires: { 'prometheus_rule_evaluation_failures_total{job="prometheus",rule_group="a"}': '0+1x30' },
      silent: [{ 'prometheus_rule_evaluation_failures_total{job="prometheus",rule_group="a"}': '0x7 4x30' }],
      at: '20m',
    },
  },
  {
    name: 'PrometheusSeriesOverBudget',
    severity: 'warning',
    for: '15m',
    expr: gt(prometheus.gauge('prometheus_tsdb_head_series'), seriesBudget),
    summary: 'Prometheus holds more series than planned',
    description: `{{ $value | humanize }} series are in memory; this environment’s budget is ${seriesBudget}.`,
    panel: panel('Series in memory'),
    proof: {
      fires: { 'prometheus_tsdb_head_series{job="prometheus"}': `${seriesBudget + 1}x40` },
      silent: [{ 'prometheus_tsdb_head_series{job="prometheus"}': `${seriesBudget}x40` }],
      at: '30m',
    },
  },
  {
    name: 'AlertmanagerDown',
    severity: 'critical',
    for: '2m',
    expr: or(
      lt(target.gauge('up', { job: 'alertmanager' }), 1),
      absent(target.gauge('up', { job: 'alertmanager' })),
    ),
    summary: 'Alertmanager does not answer: no alert reaches anybody',
    description: 'This alert cannot be delivered either; the missing Watchdog tells the heartbeat receiver.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'up{job="alertmanager"}': '1x3 0x20' },
      silent: [{ 'up{job="alertmanager"}': '1x13 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'AlertmanagerNotificationsFail',
    severity: 'critical',
    for: '5m',
    expr: gt(
      sum(increase(alertmanager.counter('alertmanager_notifications_failed_total'), '10m'), [
        'environment',
        'integration',
      ]),
      0,
    ),
    summary: 'Alerts do not reach a receiver',
    description: '{{ $value | humanize }} notifications by {{ $labels.integration }} failed in ten minutes.',
    panel: panel('Rule and notification failures'),
    proof: {
      fires: {
        'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}': '0+1x30',
      },
      silent: [
        {
          'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}': '0x7 1x30',
        },
      ],
      at: '20m',
    },
  },
  {
    name: 'AlertmanagerReloadFailed',
    severity: 'warning',
    for: '5m',
    expr: lt(alertmanager.gauge('alertmanager_config_last_reload_successful'), 1),
    summary: 'Alertmanager runs with an old configuration',
    description: 'Its last reload failed: new receivers and routes are not in force.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'alertmanager_config_last_reload_successful{job="alertmanager"}': '0x20' },
      silent: [{ 'alertmanager_config_last_reload_successful{job="alertmanager"}': '1x11 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'GrafanaDown',
    severity: 'warning',
    for: '5m',
    expr: lt(target.gauge('up', { job: 'grafana' }), 1),
    summary: 'Grafana does not answer',
    description: 'Dashboards cannot be opened; alerts are not affected.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'up{job="grafana"}': '0x20' },
      silent: [{ 'up{job="grafana"}': '1x11 0x10' }],
      at: '15m',
    },
  },
];
