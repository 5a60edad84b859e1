import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluate } from './engine/evaluate.ts';
import type { Environment, Resource } from './engine/types.ts';
import { environmentConfig } from './environments.ts';
import { broken } from './fixtures/broken.ts';
import { type Break, changedStack } from './fixtures/change.ts';
import { rules } from './rules/index.ts';
import { type PackProcess, startPack } from './testing/pack-process.ts';

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
    expect(await local.analyze(two)).toEqual([]);
    expect(await prod.analyze(two)).toHaveLength(2);
  } finally {
    await local.stop();
  }
});

test('over the compliant stack the pack reports nothing', async () => {
  expect(await prod.analyze(changedStack())).toEqual([]);
});

test('pack and program find the same in every broken and every unknown stack', async () => {
  const stacks = Object.values(broken).flatMap(({ fails, unknown }): (readonly Break[])[] => [
    ...fails.map(([, , ...changes]) => changes),
    ...('none' in unknown ? [] : [[unknown]]),
  ]);
  expect(stacks.length).toBeGreaterThan(150);
  for (const changes of stacks) {
    const stack = changedStack(...changes);
    expect(await byPack(stack), JSON.stringify(changes)).toEqual(byProgram(stack, 'prod'));
  }
});

async function byPack(stack: readonly Resource[]): Promise<readonly string[]> {
  // What the compliant stack holds too was found clean above; only what is broken is worth a call of its own.
  const clean = new Set(changedStack().map((resource) => JSON.stringify(resource)));
  const found = await prod.analyze(
    stack,
    stack.filter((resource) => !clean.has(JSON.stringify(resource))),
  );
  return found.map(({ rule, urn, message, mandatory }) => line(rule, urn, message, mandatory)).sort();
}

function byProgram(stack: readonly Resource[], environment: Environment): readonly string[] {
  return evaluate(stack, { environment, rules, config: environmentConfig[environment] })
    .map(({ rule, urn, message, level }) => line(rule, urn, message, level === 'mandatory'))
    .sort();
}

function line(rule: string, urn: string | null, message: string, mandatory: boolean): string {
  return `${rule} | ${urn ?? 'stack'} | ${message} | ${mandatory}`;
}
