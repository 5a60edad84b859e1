import { burnAlertName, percent } from './alerts/burn.ts';
import { type Environment, seriesBudgets, seriesByMetric, totalSeries } from './budget.ts';
import { burns } from './objectives/burn-rates.ts';
import { budget, type Objective, objectives } from './objectives/objectives.ts';
import { detection } from './simulator.ts';

/** `docs/slo.md`, generated: the objectives, what they allow, and when their alerts fire. */
export function sloDocument(): string {
  return `# Service level objectives

Generated from \`slo/objectives/objectives.ts\` by \`npm run generate\`; edit that, not this.
An objective is a promise to users, as a share of good events over a window. What is missing to 100 % is the error budget:
it may be spent on failures, releases and experiments. From each objective follow its recording rules, its alerts with
their tests, its panels on the dashboard "Simple378 SLOs and error budgets", the thresholds of the load tests, and its
line here.

## Objectives
| Objective | Promise | Target | Allows | Alert |
| --- | --- | --- | --- | --- |
${objectives.map(line).join('\n')}

Events are counted only while there are enough of them: an alert needs as many in its long window as the objective says
(\`minBadEvents\`), so that one failed request at night wakes nobody.

## Alerts
An alert fires when the budget burns too fast over a long and a short window at once: the long one shows that it matters, the
short one that it still goes on. (SRE workbook, chapter 5.)

| Burns | Windows | Holds for | Severity | Budget of 30 days is gone in |
| --- | --- | --- | --- | --- |
${burns.map((burn) => `| ${burn.factor} × | ${burn.long} and ${burn.short} | ${burn.forMinutes} min | ${burn.severity} | ${days(30 / burn.factor)} |`).join('\n')}

A ticket (limiter latency, sync freshness) has only the warnings.

## How soon it is noticed
Computed by the simulator (\`npx simple378 bench burn-rate\`): minutes from the start of a steady share of bad events, after three
healthy days, until the first alert. Rules are evaluated every 15 to 120 s, and Alertmanager groups for 30 s; add that.

| Objective | ${detected.map((share) => `${percent(share)} bad`).join(' | ')} |
| --- | ${detected.map(() => '---').join(' | ')} |
${objectives.map((one: Objective) => `| ${one.title} | ${detected.map((share) => noticed(one, share)).join(' | ')} |`).join('\n')}

## What observability costs
Most series of the service, from the labels' domains, buckets and replicas. A test fails when an environment exceeds its
budget.

| Environment | Replicas | Series | Budget | Largest metrics |
| --- | --- | --- | --- | --- |
${(Object.keys(seriesBudgets) as Environment[]).map(cost).join('\n')}

Prometheus keeps samples for longer than the longest window (30 days); settings with less retention are refused.

## Change an objective
1. Edit its line in \`slo/objectives/objectives.ts\`. The compiler checks metric and labels; a latency bound must be a bucket of the metric.
2. \`npm run generate\`, and look at the diff of this page: when would we notice?
3. \`npm test\`: promtool runs a burn and its recovery, low traffic, no data and a counter reset against the new rules.

The tests take promtool and Prometheus from the PATH first: \`PATH=/where/another/is:$PATH npm test -- slo dashboards\` holds
rules, panels and configuration to another version. 2.42 and 3.16 agree.
`;
}

const detected = [1, 0.1, 0.05, 0.01, 0.002] as const;

function line(objective: Objective): string {
  const { title, promise, target, windowDays, id } = objective;
  const name = burnAlertName(id);
  return `| ${title} | ${promise} | ${percent(target)} in ${windowDays} days | ${percent(budget(objective))}: ${days(windowDays * budget(objective))} | [${name}](runbooks/${name}.md) |`;
}

function noticed(objective: Objective, share: number): string {
  const found = detection(objective, share);
  return found ? `${minutes(found.minutes)}, ${found.burn.severity}` : 'within the budget';
}

function cost(environment: Environment): string {
  const { replicas, series } = seriesBudgets[environment];
  const largest = seriesByMetric(environment)
    .slice(0, 2)
    .map(({ name, series: most }) => `\`${name}\` ${most}`);
  return `| ${environment} | ${replicas} | ${totalSeries(environment)} | ${series} | ${largest.join(', ')} |`;
}

function minutes(count: number): string {
  return count < 120 ? `${count} min` : `${Number((count / 60).toPrecision(2))} h`;
}
function days(count: number): string {
  return count >= 1 ? `${Number(count.toPrecision(2))} days` : minutes(Math.round(count * 1_440));
}
