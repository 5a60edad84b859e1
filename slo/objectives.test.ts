import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { boards } from '../dashboards/index.ts';
import { burnAlertName, burnPanel, burnThreshold } from './alerts/burn.ts';
import { sloDocument } from './document.ts';
import { burnsOf, longestWindowSeconds, seconds } from './objectives/burn-rates.ts';
import { checked, problems } from './objectives/checks.ts';
import { budget, loadThresholds, type Objective, objectives } from './objectives/objectives.ts';
import { ruleTests } from './rule-tests.ts';
import { ruleFiles } from './rules.ts';

const sound = objectives[0] as Objective;
const withChange = (change: object): string =>
  problems([{ ...sound, ...change } as Objective], 35).join('\n');

describe('objectives', () => {
  it('are sound', () => {
    expect(problems(objectives, 35)).toEqual([]);
  });

  it.each([
    ['a target of 100 %', { target: 1 }, 'leaves no budget'],
    ['a target of 0', { target: 0 }, 'leaves no budget'],
    ['a window over retention', { windowDays: 90 }, 'longer than the 35 that Prometheus keeps'],
    ['a burn above all requests', { target: 0.9 }, 'more than all requests'],
    ['an id that is no label', { id: 'API up' }, 'lower-case letters'],
    [
      'a bound between buckets',
      { indicator: { kind: 'latency', metric: 'http_request_duration_seconds', of: {}, withinSeconds: 0.3 } },
      'no bucket of http_request_duration_seconds ends at the bound',
    ],
  ])('refuse %s, in words', (_, change, message) => {
    expect(withChange(change)).toContain(message);
  });

  it('refuse a taken id, and name all problems at once', () => {
    expect(() => checked([sound, { ...sound, target: 2 }])).toThrow(/id is taken[\s\S]*leaves no budget/);
  });

  it('stop the rules when retention is shorter than a window', () => {
    expect(() => ruleFiles('prod', { retentionDays: 7 })).toThrow('longer than the 7 that Prometheus keeps');
    expect(longestWindowSeconds).toBe(30 * 86_400);
  });

  it('read durations', () => {
    expect([seconds('30s'), seconds('5m'), seconds('3d')]).toEqual([30, 300, 259_200]);
    expect(() => seconds('1h30m')).toThrow('write a number and s, m, h or d');
  });
});

describe('everything that follows from an objective names it', () => {
  const files = new Map(ruleFiles('prod').map(({ name, content }) => [name, content]));
  const tests = new Map(ruleTests('prod').map(({ name, content }) => [name, content]));
  const document = sloDocument();
  const panels = boards.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels));

  it.each(objectives.map((one: Objective) => [one.id, one] as const))('%s', (id, objective) => {
    const { groups } = parse(files.get(`slo-${id}.yml`) ?? '') as {
      groups: {
        rules: { record?: string; alert?: string; expr: string; labels: Record<string, string> }[];
      }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(new Set(rules.map(({ labels }) => labels.slo))).toEqual(new Set([id]));
    expect(rules.filter(({ record }) => record === 'slo:objective:ratio')).toMatchObject([
      { expr: `vector(${objective.target})` },
    ]);
    const alerts = rules.filter(({ alert }) => alert === burnAlertName(id));
    expect(alerts.map(({ labels }) => labels.long_window)).toEqual(
      burnsOf(objective).map(({ long }) => long),
    );
    for (const [index, burn] of burnsOf(objective).entries()) {
      const { alert, expr } = alerts[index] as (typeof alerts)[number];
      expect(alert).toBe(burnAlertName(id));
      const limit = burnThreshold(objective, burn);
      expect(expr).toContain(`slo:error_ratio:rate${burn.long}{slo="${id}"}) > (${limit})`);
      expect(expr).toContain(`slo:error_ratio:rate${burn.short}{slo="${id}"}) > (${limit})`);
      expect(expr).toContain(`>= (${objective.minBadEvents})`);
    }
    expect(tests.get(`test-slo-${id}.yml`)).toContain(burnAlertName(id));
    const panel = panels.find(({ title }) => title === burnPanel(objective));
    expect(panel?.thresholds?.map(({ from }) => from)).toEqual(
      burnsOf(objective)
        .map((burn) => burnThreshold(objective, burn))
        .sort((a, b) => a - b),
    );
    expect(panels.some(({ title }) => title === `${objective.title}: budget left`)).toBe(true);
    expect(document).toContain(`| ${objective.title} |`);
  });

  it('and the load tests hold the API to the same numbers', () => {
    const latency = objectives[1] as Objective;
    const within = latency.indicator.kind === 'latency' ? latency.indicator.withinSeconds * 1_000 : 0;
    expect(loadThresholds('users')).toEqual({
      'failures{scenario:users}': [`rate<=${budget(sound)}`],
      'http_req_duration{scenario:users}': [`p(${latency.target * 100})<${within}`],
    });
  });
});
