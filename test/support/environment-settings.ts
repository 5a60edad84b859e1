import { BadSettings, loadSettings } from '../../infra/settings/index.ts';

/**
 * What is wrong with an environment's settings once they are changed; nothing when they are good. What the load test
 * carried is left out, unless it is asked for: it depends on a measurement.
 */
export function problems(
  environment: string,
  changes: Record<string, unknown>,
  { measured = false } = {},
): readonly string[] {
  try {
    loadSettings(environment, changes);
    return [];
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    return error.problems.filter((text) => measured || !/^limits: [a-z-]+ admits/.test(text));
  }
}
