import { describe, expect, it } from 'vitest';
import { promtool } from './promtool.testing.ts';
import { ruleTests } from './rule-tests.ts';
import { ruleFiles } from './rules.ts';

/**
 * Rules broken on purpose: each mutant must turn a rule test red. (Wrong metrics, labels and a missing `rate` do not compile
 * either: `refused-by-compiler.ts`; a removed runbook fails in `links.test.ts`; broken panels fail in the lint's tests.)
 */
const tests = ruleTests('local');
const rules = ruleFiles('local');

async function survives(file: string, from: string | RegExp, to: string): Promise<boolean> {
  const mutated = rules.map(({ name, content }) => {
    if (name !== file) return { name, content };
    const changed = content.replaceAll(from, to);
    expect(changed, 'the mutant must change something').not.toBe(content);
    return { name, content: changed };
  });
  const [test] = tests.filter(({ name }) => name === `test-${file}`);
  if (!test) throw new Error(`no tests of ${file}`);
  return (await promtool([...mutated, test], 'test', 'rules', test.name)).ok;
}

describe('a mutant dies', () => {
  it.each<[string, string, string | RegExp, string]>([
    [
      'a renamed metric',
      'slo-limiter-latency.yml',
      /ratelimit_decision_duration_seconds/g,
      'ratelimit_duration_seconds',
    ],
    ['a wrong label', 'alerts-security.yml', /outcome="reuse"/g, 'outcome="reused"'],
    ['a missing rate', 'alerts-service.yml', /rate\((process_cpu_seconds_total\{[^}]*\})\[5m\]\)/g, '$1'],
    ['a swapped threshold', 'slo-sync-freshness.yml', /\(0\.15\)/g, '(0.9)'],
    ['a turned comparison', 'alerts-redis.yml', /\) > \(0\.75\)/g, ') < (0.75)'],
    ['no low-traffic floor', 'slo-sync-freshness.yml', />= \(10\)/g, '>= (0)'],
    ['no waiting time', 'alerts-limiter.yml', /for: 1m\n/g, 'for: 0m\n'],
    [
      'a short window lost',
      'slo-limiter-latency.yml',
      /\(slo:error_ratio:rate2h\{/g,
      '(slo:error_ratio:rate1d{',
    ],
  ])('%s', { timeout: 60_000 }, async (_, file, from, to) => {
    expect(await survives(file, from, to)).toBe(false);
  });
});
