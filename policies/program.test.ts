import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { evaluate as program } from '../infra/evaluate.ts';
import { environments } from '../infra/settings/environments.ts';
import { startPack } from '../test/support/pack-process.ts';
import { evaluate, holds } from './engine/evaluate.ts';
import { kubernetesKind } from './engine/kubernetes.ts';
import { environmentConfig } from './environments.ts';
import { renderedResources } from './report/rendered.ts';
import { rules } from './rules/index.ts';
import { waivers } from './waivers.ts';

/** The real program of every environment, by the three ways in which the rules are run. */

const root = fileURLToPath(new URL('..', import.meta.url));

test.each(environments)(
  '%s breaks no mandatory rule, at the first preview and afterwards',
  async (environment) => {
    for (const preview of [true, false]) {
      const { resources } = await program(environment, { preview });
      const findings = evaluate(resources, {
        environment,
        rules,
        config: environmentConfig[environment],
        waivers,
      });
      expect(
        findings
          .filter(({ level, waiver }) => level === 'mandatory' && !waiver)
          .map(({ rule, resource, message }) => `${rule} ${resource}: ${message}`),
      ).toEqual([]);
      expect(holds(findings)).toBe(true);
    }
  },
);

test.each(environments)('%s: program, rendered manifests and pack find the same', async (environment) => {
  const line = (rule: string, resource: string, message: string): string => `${rule} ${resource} ${message}`;
  const { resources } = await program(environment, { preview: true });
  const options = { environment, rules, config: environmentConfig[environment], waivers };
  const byProgram = evaluate(resources, options);

  const rendered = evaluate(renderedResources(root, environment), { ...options, options: false });
  // Over manifests: options and what is no Kubernetes object are not in them.
  const kubernetes = new Set(resources.filter(kubernetesKind).map(({ urn }) => urn));
  const optional = new Set(rules.filter(({ readsOptions }) => readsOptions).map(({ name }) => name));
  const comparable = byProgram.filter(
    ({ rule, urn }) => !optional.has(rule) && (urn === null || kubernetes.has(urn)),
  );
  const lines = (findings: typeof byProgram): string[] =>
    findings.map(({ rule, resource, message }) => line(rule, resource, message)).sort();
  expect(lines(rendered)).toEqual(lines(comparable));

  const pack = await startPack(environment);
  try {
    const labels = new Map(byProgram.map(({ urn, resource }) => [urn, resource]));
    const found = (await pack.analyze(resources)).map(({ rule, urn, message }) =>
      line(rule, labels.get(urn) ?? 'stack', message),
    );
    expect(found.sort()).toEqual(lines(byProgram.filter(({ waiver }) => waiver === null)));
  } finally {
    await pack.stop();
  }
});
