import { Provider } from '@pulumi/kubernetes/provider.js';
import * as pulumi from '@pulumi/pulumi';
import { generatedAuthority } from './components/authority.ts';
import { RegisteredComponent } from './components/component.ts';
import { Credentials, configuredSecrets } from './components/credentials.ts';
import { GrafanaExternal } from './components/grafana-external.ts';
import { stack } from './components/stack.ts';
import type { Component } from './kubernetes/manifest.ts';
import { type Outputs, outputsOf } from './outputs.ts';
import { placeholders } from './settings/images.ts';
import { BadSettings, parseSettings, type Settings, settingsOf } from './settings/index.ts';

/**
 * One environment: settings → components → outputs. What the components consist of is in components/stack.ts.
 * @param deployment whether a real engine runs it, which needs real images and secrets
 */
export function program({ deployment = false } = {}): Outputs {
  const settings = settingsOfStack();
  const components = stack(settings);
  if (deployment) assertDeployable(settings, components);
  const credentials = new Credentials(settings, (parent) => generatedAuthority(settings, parent));
  const { context } = settings.cluster;
  const cluster = new Provider('cluster', {
    // Without these a changed ConfigMap or Secret would be deleted and made anew under its pods.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // `kubernetes:context` of the stack's configuration is the default provider's, and not heard by this one.
    ...(context ? { context } : {}),
  });
  const made = new Map<string, RegisteredComponent>();
  for (const component of components) {
    const after = (component.after ?? []).flatMap((name) => made.get(name) ?? []);
    made.set(
      component.name,
      new RegisteredComponent(component, settings, credentials, { after, provider: cluster }),
    );
  }
  if (settings.grafana.mode === 'external') new GrafanaExternal(settings, credentials);
  return outputsOf(settings, credentials);
}

/** @throws RunError at an update that lacks the image or a secret; a preview only warns of them */
function assertDeployable(settings: Settings, components: readonly Component[]): void {
  const config = new pulumi.Config('simple378');
  const problems = [
    ...placeholders(settings),
    ...configuredSecrets(settings, components)
      .filter((name) => config.getSecret(name) === undefined)
      .map((name) => `${name}: is missing; pulumi config set --secret simple378:${name}`),
  ];
  if (problems.length === 0) return;
  const message = `Pulumi.${pulumi.getStack()}.yaml lacks what an update needs:\n${problems.map((line) => `  ${line}`).join('\n')}`;
  if (!pulumi.runtime.isDryRun()) throw new pulumi.RunError(message);
  pulumi.log.warn(message);
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
