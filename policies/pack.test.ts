import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackProcess, startPack } from '../test/support/pack-process.ts';
import { evaluate } from './engine/evaluate.ts';
import { environmentConfig } from './environments.ts';
import { broken } from './fixtures/broken.ts';
import { type Break, changedStack } from './fixtures/change.ts';
import { rules } from './rules/index.ts';

let prod: PackProcess;
beforeAll(async () => {
  prod = await startPack('prod');
});
afterAll(() => prod.stop());

test('the pack names every rule, mandatory in production', async () => {
  const info = await prod.info();
  expect(info.map(({ name }) => name)).toEqual([...rules.map(({ name }) => name), 'waiver-in-force']);
  expect(info.every(({ mandatory }) => mandatory)).toBe(true);
});

test('levels and settings follow from the name of the stack', async () => {
  const local = await startPack('local');
  try {
    const levels = new Map((await local.info()).map(({ name, mandatory }) => [name, mandatory]));
    expect(levels.get('storage-encrypted')).toBe(false);
    expect(levels.get('pod-runs-as-non-root')).toBe(true);
    const two = changedStack(
      { at: 'HorizontalPodAutoscaler/case-service', path: 'spec.minReplicas', value: 2 },
      { at: 'NetworkPolicy/prometheus', path: 'spec.egress.0.to.0.ipBlock.cidr', value: '172.16.0.0/12' },
    );
    // The class is encrypted by the settings of prod alone; elsewhere the rule advises.
    expect((await local.analyze(two)).filter(({ rule }) => rule !== 'storage-encrypted')).toEqual([]);
    expect(await prod.analyze(two)).toHaveLength(2);
  } finally {
    await local.stop();
  }
});

test('over the compliant stack the pack reports nothing', async () => {
  expect(await prod.analyze(changedStack())).toEqual([]);
});

test('what the server adds is not taken for what was asked for', async () => {
  const registered = changedStack({ at: 'Deployment/case-service', path: 'spec.replicas', value: 3 });
  expect(await prod.analyze(registered)).toMatchObject([{ rule: 'hpa-owns-replicas' }]);
  expect(await prod.analyze(changedStack(), registered)).toEqual([]);
});

test('what is about to be deleted is not judged', async () => {
  const pack = await startPack('prod');
  try {
    const withoutAutoscaler = changedStack({
      at: 'Deployment/case-service',
      path: 'spec.replicas',
      value: 10,
    }).filter(({ type }) => !type.endsWith(':HorizontalPodAutoscaler'));
    expect(await pack.analyze(withoutAutoscaler, changedStack())).toEqual([]);
  } finally {
    await pack.stop();
  }
});

test('pack and program find the same in every broken and every unknown stack', async () => {
  // What the compliant stack holds too was found clean above.
  const clean = new Set(changedStack().map((resource) => JSON.stringify(resource)));
  const scopes = new Map(rules.map(({ name, scope }) => [name, scope]));
  let compared = 0;
  for (const [name, { fails, unknown }] of Object.entries(broken)) {
    const all: readonly (readonly Break[])[] = [
      ...fails.map(([, , ...changes]) => changes),
      ...('none' in unknown ? [] : [[unknown]]),
    ];
    for (const changes of all) {
      const stack = changedStack(...changes);
      const whole = scopes.get(name) === 'stack';
      const changed = stack.filter((resource) => !clean.has(JSON.stringify(resource)));
      const byPack = whole ? await prod.analyze(stack) : await prod.analyzeEach(changed);
      const byProgram = evaluate(stack, {
        environment: 'prod',
        rules,
        config: environmentConfig.prod,
      }).filter(({ rule }) => whole || scopes.get(rule) === 'resource');
      expect(
        byPack.map((one) => line(one.rule, one.urn, one.message, one.mandatory)).sort(),
        JSON.stringify(changes),
      ).toEqual(
        byProgram.map((one) => line(one.rule, one.urn, one.message, one.level === 'mandatory')).sort(),
      );
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(150);
}, 240_000);

function line(rule: string, urn: string | null, message: string, mandatory: boolean): string {
  return `${rule} | ${urn ?? 'stack'} | ${message} | ${mandatory}`;
}
