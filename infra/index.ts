import * as pulumi from '@pulumi/pulumi';
import { configuredSecrets } from './components/credentials.ts';
import { stack } from './components/stack.ts';
import { deploy, type Outputs } from './deploy.ts';
import { placeholders } from './settings/images.ts';
import { BadSettings, parseSettings, type Settings, settingsOf } from './settings/index.ts';

export { CaseStack, type CaseStackArgs } from './case-stack.ts';

/**
 * One environment: settings → components → outputs. What the components consist of is in components/stack.ts.
 * @param deployment whether a real engine runs it, which needs real images and secrets
 */
export function program({ deployment = false } = {}): Outputs {
  const settings = settingsOfStack();
  const config = new pulumi.Config('simple378');
  if (deployment) assertDeployable(settings);
  return deploy(settings, (name) => config.getSecret(name), { prefix: '' });
}

/** @throws RunError at an update that lacks the image or a secret; a preview only warns of them */
function assertDeployable(settings: Settings): void {
  const config = new pulumi.Config('simple378');
  const problems = [
    ...placeholders(settings),
    ...configuredSecrets(settings, stack(settings))
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
