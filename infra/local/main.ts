import { resolve } from 'node:path';
import { readPoliciesFile } from './policies-file.ts';
import { smoke } from './smoke.ts';
import { startStack } from './start.ts';

/** Options of `npm start`. */
export interface LocalOptions {
  /** Added to every port. */
  readonly offset: number;
  /** Deletes the state of earlier runs first. */
  readonly fresh: boolean;
  /** File with the rate-limit policies; the default policies when left out. */
  readonly policies: string | undefined;
  /** Command or URL of a service to put behind limit gateways, in place of the case service. */
  readonly service?: string | undefined;
  /** Downloads programs that are not on PATH. */
  readonly install: boolean;
  /** Does the main job once and stops. */
  readonly smoke: boolean;
}

/**
 * Starts the whole stack on this machine and waits until it ends.
 * @returns the exit code: 0 ended in order, 1 the smoke test or a process failed, 2 the smoke test did not run
 * @throws StartFailed, BadPolicies
 */
export async function runLocally(options: LocalOptions): Promise<number> {
  const policies = options.policies === undefined ? null : resolve(options.policies);
  if (policies !== null) readPoliciesFile(policies);
  const { offset, fresh, install, service } = options;
  const stack = await startStack({ offset, policies, fresh, install, service, follow: !options.smoke });
  // Ctrl-C during the start ends it without an error, but a smoke test that did not run has not passed.
  if (stack === undefined) return options.smoke ? 2 : 0;
  if (!options.smoke) return stack.ended;
  const passed = await smoke(stack.file).finally(() => stack.stop());
  return passed ? 0 : 1;
}
