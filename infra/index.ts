import { Provider } from '@pulumi/kubernetes/provider.js';
import * as pulumi from '@pulumi/pulumi';
import { generatedAuthority } from './components/authority.ts';
import { Component } from './components/component.ts';
import { Material } from './components/credentials.ts';
import { GrafanaExternal } from './components/grafana-external.ts';
import { stack } from './components/stack.ts';
import { type Outputs, outputsOf } from './outputs.ts';
import { BadSettings, parseSettings, type Settings, settingsOf } from './settings/index.ts';

/** One environment: settings → components → outputs. What the components consist of is in stack.ts. */
export function program(): Outputs {
  const settings = settingsOfStack();
  const material = new Material(settings, (parent) => generatedAuthority(settings, parent));
  const { context } = settings.cluster;
  const cluster = new Provider('cluster', {
    // Without these a changed ConfigMap or Secret would be deleted and made anew under its pods.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // `kubernetes:context` of the stack's configuration is the default provider's, and not heard by this one.
    ...(context ? { context } : {}),
  });
  const made = new Map<string, Component>();
  for (const part of stack(settings)) {
    const after = (part.after ?? []).flatMap((name) => made.get(name) ?? []);
    made.set(part.name, new Component(part, settings, material, { after, provider: cluster }));
  }
  if (settings.grafana.mode === 'external') new GrafanaExternal(settings, material);
  return outputsOf(settings, material);
}

/** @throws RunError with all problems, which Pulumi prints as it is, without a stack trace */
function settingsOfStack(): Settings {
  try {
    return parseSettings(settingsOf(configuration()), `Pulumi.${pulumi.getStack()}.yaml`);
  } catch (error) {
    throw error instanceof BadSettings ? new pulumi.RunError(error.message) : error;
  }
}

/** The stack's configuration as the engine hands it over: objects as JSON. */
function configuration(): Record<string, unknown> {
  const all = pulumi.runtime.allConfig() as Record<string, string>;
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, /^[[{]/.test(value) ? JSON.parse(value) : value]),
  );
}
