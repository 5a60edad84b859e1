import { stringify } from 'yaml';
import type { Alert, Series } from './alerts/alert.ts';
import { burnAlertName } from './alerts/burn.ts';
import { alertGroups } from './alerts/index.ts';
import { allAlerts } from './alerts/options.ts';
import { type Environment, otherSeries, seriesBudgets } from './budget.ts';
import { burnsOf, seconds } from './objectives/burn-rates.ts';
import { budget, type Objective, objectives } from './objectives/objectives.ts';
import { type Segment, simulate } from './simulator.ts';

/** promtool's tests of every rule: each alert is seen to fire and to stay silent. */

interface RuleTest {
  readonly name: string;
  readonly interval: string;
  readonly input_series: readonly { readonly series: string; readonly values: string }[];
  readonly promql_expr_test: readonly {
    readonly expr: string;
    readonly eval_time: string;
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
  }[];
}

/** Test files for `promtool test rules`, beside the rule files of the environment. */
export function ruleTests(environment: Environment): { name: string; content: string }[] {
  const groups = alertGroups({
    ...allAlerts,
    seriesBudget: seriesBudgets[environment].series + otherSeries,
  });
  const file = (rules: string, interval: string, tests: readonly RuleTest[]) => ({
    name: `test-${rules}`,
    content: stringify({ rule_files: [rules], evaluation_interval: interval, tests }, { lineWidth: 0 }),
  });
  return [
    ...Object.entries(groups).map(([name, alerts]) =>
      file(`alerts-${name}.yml`, '1m', alerts.flatMap(proofs)),
    ),
    ...objectives.map((objective) =>
      file(`slo-${objective.id}.yml`, '1m', scenarios(objective).map(scenario)),
    ),
  ];
}

/** The number of series of an alert that fire at a time. */
function firing(alert: string, at: string, count: number, labels = '') {
  return {
    expr: `count(ALERTS{alertname="${alert}",alertstate="firing"${labels}})`,
    eval_time: at,
    exp_samples: count > 0 ? [{ labels: '{}', value: count }] : [],
  };
}

/** Series as promtool takes them, of an environment. */
export const inputSeries = (series: Series): RuleTest['input_series'] =>
  Object.entries(series).map(([selector, values]) => ({
    series: selector.replace('{', '{environment="test",'),
    values,
  }));

function proofs({ name, severity, proof }: Alert): RuleTest[] {
  const test = (kind: string, series: Series, count: number): RuleTest => ({
    name: `${name} ${kind}`,
    interval: '1m',
    input_series: inputSeries(series),
    promql_expr_test: [firing(name, proof.at, count, `,severity="${severity}"`)],
  });
  return [
    ...[proof.fires].flat().map((series, index) => test(`fires ${index + 1}`, series, 1)),
    ...proof.silent.map((series, index) => test(`silent ${index + 1}`, series, 0)),
  ];
}

/** A scenario of an objective: a curve, how it is counted, and what each alert must do. */
export interface Scenario {
  readonly name: string;
  readonly objective: Objective;
  readonly curve: readonly Segment[];
  /** Counters start again from 0 between segments, as after a roll-out. */
  readonly resets?: boolean;
}

/** Burn and recovery at twice the fastest rate, a burn just too slow, traffic just too low, next to none, none, a roll-out. */
export function scenarios(objective: Objective): Scenario[] {
  const burns = burnsOf(objective);
  const fastest = burns[0] as (typeof burns)[number];
  const slowest = burns.at(-1) as (typeof burns)[number];
  const allowed = budget(objective);
  const busy = { eventsPerSecond: 20 };
  const ratio = (factor: number) => Math.min(1, Number((factor * allowed).toPrecision(6)));
  const burning = fastest.severity === 'critical' ? 60 : 180;
  return [
    {
      name: 'burn and recovery',
      objective,
      curve: [
        { minutes: 30, errorRatio: 0, ...busy },
        { minutes: burning, errorRatio: ratio(fastest.factor * 2), ...busy },
        { minutes: 150, errorRatio: 0, ...busy },
      ],
    },
    {
      name: 'slower than the slowest alert',
      objective,
      curve: [{ minutes: 200, errorRatio: ratio(slowest.factor * 0.9), ...busy }],
    },
    {
      name: 'one request an hour, and it fails',
      objective,
      curve: [{ minutes: 200, errorRatio: 1, eventsPerSecond: 1 / 3_600 }],
    },
    {
      name: 'everything fails, a little less often than the fastest alert asks for',
      objective,
      curve: [
        {
          minutes: 200,
          errorRatio: 1,
          eventsPerSecond: (objective.minBadEvents * 0.9) / seconds(fastest.long),
        },
      ],
    },
    {
      name: 'one failure of ten in a new environment',
      objective,
      curve: [{ minutes: 10, errorRatio: 0.1, eventsPerSecond: 1 / 60 }],
    },
    {
      name: 'one request every two minutes, and all fail',
      objective,
      curve: [{ minutes: 240, errorRatio: 1, eventsPerSecond: 1 / 120 }],
    },
    { name: 'no data', objective, curve: [{ minutes: 30, errorRatio: 0, eventsPerSecond: 0 }] },
    {
      name: 'counter reset during a burn',
      objective,
      resets: true,
      curve: [
        { minutes: 60, errorRatio: ratio(fastest.factor * 2), ...busy },
        { minutes: burning, errorRatio: ratio(fastest.factor * 2), ...busy },
      ],
    },
  ];
}

/**
 * Minutes by which Prometheus may differ from the simulator: it extrapolates rates at the edges of windows, leaves out the
 * first moment of a window since version 3, and evaluates groups that are due together in any order.
 */
const tolerance = 4;

function scenario({ name, objective, curve, resets = false }: Scenario): RuleTest {
  const alert = burnAlertName(objective.id);
  const total = curve.reduce((sum, { minutes }) => sum + minutes, 0);
  const { firings } = simulate(objective, curve);
  return {
    name: `${objective.id}: ${name}`,
    interval: '1m',
    input_series: curve.every(({ eventsPerSecond }) => eventsPerSecond === 0)
      ? []
      : series(objective, curve, resets),
    promql_expr_test: firings.flatMap(({ burn, fires, resolves }) => {
      const labels = `,long_window="${burn.long}"`;
      const expect = (at: number, count: number) => firing(alert, `${at}m`, count, labels);
      if (fires === null) return [expect(total, 0)];
      return [
        ...(fires > tolerance ? [expect(fires - tolerance, 0)] : []),
        ...(resolves === null || resolves > fires + 2 * tolerance ? [expect(fires + tolerance, 1)] : []),
        ...(resolves === null ? [] : [expect(resolves + tolerance, 0)]),
      ];
    }),
  };
}

/** The counters behind an indicator, as promtool writes series: good and bad events that add up to the curve. */
function series({ indicator }: Objective, curve: readonly Segment[], resets: boolean) {
  const values = (rate: (segment: Segment) => number): string => {
    let value = 0;
    return curve
      .map((segment, index) => {
        if (resets && index > 0) value = 0;
        const step = rate(segment) * 60;
        const first = value;
        value += step * segment.minutes;
        return `${first}+${step}x${segment.minutes - 1}`;
      })
      .join(' ');
  };
  const all = values(({ eventsPerSecond }) => eventsPerSecond);
  const good = values(({ eventsPerSecond, errorRatio }) => eventsPerSecond * (1 - errorRatio));
  const bad = values(({ eventsPerSecond, errorRatio }) => eventsPerSecond * errorRatio);
  const labels = 'job="case-service",environment="test",instance="a"';
  const route = 'route="/api/v1/auth/login",method="POST"';
  const other = 'route="/api/v1/cases",method="GET"';
  if (indicator.kind === 'latency') {
    const { metric, withinSeconds, of } = indicator;
    const more =
      metric !== 'http_request_duration_seconds'
        ? ''
        : `,${'route' in of && typeof of.route === 'string' ? route : other}`;
    return [
      { series: `${metric}_count{${labels}${more}}`, values: all },
      { series: `${metric}_bucket{${labels}${more},le="${withinSeconds}"}`, values: good },
    ];
  }
  const [well, badly] =
    indicator.metric === 'ratelimit_decisions_total'
      ? ['decision="allow",source="redis"', 'decision="allow",source="local"']
      : [`${other},status="2xx"`, `${other},status="5xx"`];
  return [
    { series: `${indicator.metric}{${labels},${well}}`, values: good },
    { series: `${indicator.metric}{${labels},${badly}}`, values: bad },
  ];
}
