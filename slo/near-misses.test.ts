import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { alertGroups } from './alerts/index.ts';
import { allAlerts } from './alerts/options.ts';
import { otherSeries, seriesBudgets } from './budget.ts';
import { promtool } from './promtool.testing.ts';
import { inputSeries } from './rule-tests.ts';
import { type AlertingRule, alertingRule } from './rules.ts';

// That an alert stays silent proves little when its example is far from the limit. So the silent examples are run against
// the same rule made a little more eager, and one of them must make it fire.

const minutesOf = (duration: string): number =>
  Number.parseInt(duration, 10) * (duration.endsWith('h') ? 60 : 1);

/** The rule with its limits a fifth closer, its windows half as long again, and half its waiting time. */
function eager({ expr, for: hold = '0m', labels, ...rest }: AlertingRule): AlertingRule[] {
  const closer = expr.replace(/(>=?|<) \(([\d.]+)\)/g, (limit, operator: string, value: string) => {
    // 0 and 1 are yes and no; nothing is nearly so.
    if (value === '0' || value === '1') return limit;
    return `${operator} (${Number(value) * (operator === '<' ? 1.25 : 0.8)})`;
  });
  const longer = expr.replace(/\[(\d+)m\]/g, (_, minutes: string) => `[${Number(minutes) * 90}s]`);
  const sooner = `${Math.floor(minutesOf(hold) / 2)}m`;
  return [
    { ...rest, labels: { ...labels, eager: 'limit' }, expr: closer, for: hold },
    { ...rest, labels: { ...labels, eager: 'window' }, expr: longer, for: hold },
    { ...rest, labels: { ...labels, eager: 'wait' }, expr, for: sooner },
  ].filter((rule) => rule.expr !== expr || rule.for !== hold);
}

const alerts = Object.values(
  alertGroups({ ...allAlerts, seriesBudget: seriesBudgets.local.series + otherSeries }),
)
  .flat()
  // Its purpose is never to be silent.
  .filter(({ name }) => name !== 'Watchdog');

it('every alert is silent just short of its limit, and not only far from it', {
  timeout: 120_000,
}, async () => {
  const files = alerts.flatMap((alert) => {
    const { name, severity, proof } = alert;
    const file = `${name}-${severity}.yml`;
    const rules = eager(alertingRule(alert, 'local'));
    const tests = proof.silent.map((series, example) => ({
      interval: '1m',
      input_series: inputSeries(series),
      promql_expr_test: [
        {
          // The last matcher excludes nothing; promtool prints the expression, and so which example it was.
          expr: `count(ALERTS{alertname="${name}",alertstate="firing",severity="${severity}",example!="${example}"}) > bool 0`,
          eval_time: proof.at,
          exp_samples: [{ labels: '{}', value: 1 }],
        },
      ],
    }));
    return [
      { name: file, content: stringify({ groups: [{ name, rules }] }) },
      {
        name: `test-${file}`,
        content: stringify({ rule_files: [file], evaluation_interval: '1m', tests }),
      },
    ];
  });
  const tests = files.map(({ name }) => name).filter((name) => name.startsWith('test-'));
  const { output } = await promtool(files, 'test', 'rules', ...tests);
  expect(output).not.toMatch(/\berr(or)?:/);
  const far = new Set(
    [...output.matchAll(/alertname=\\"(\w+)\\".*severity=\\"(\w+)\\".*example!=\\"(\d+)\\"/g)].map(
      ([, name, severity, example]) => `${name} ${severity} ${example}`,
    ),
  );
  const trivial = alerts.filter(({ name, severity, proof }) =>
    proof.silent.every((_, example) => far.has(`${name} ${severity} ${example}`)),
  );
  expect(trivial.map(({ name }) => name)).toEqual([]);
  // Not near, but of another kind: of other labels, or with a cause that another alert names.
  expect(far.size).toBeGreaterThan(0);
});
