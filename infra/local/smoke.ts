import { accessSteps } from './smoke-access.ts';
import { smokeClient } from './smoke-client.ts';
import { limitSteps } from './smoke-limits.ts';
import { metricSteps } from './smoke-metrics.ts';
import type { StackFile } from './stack-file.ts';

/** Does the main job as users would and prints a line per step. Returns whether every step held. */
export async function smoke(stack: StackFile): Promise<boolean> {
  const client = smokeClient(stack);
  const { spend, wait } = limitSteps(client);
  // The rate-limit window passes while the metric steps wait.
  const steps = [...accessSteps(client), ...spend, ...metricSteps(client), ...wait];
  let failures = 0;
  for (const [name, step] of steps) {
    const started = performance.now();
    const outcome = await step().then(
      (observed) => ({ ok: true, observed }),
      (error: Error) => ({ ok: false, observed: error.message }),
    );
    if (!outcome.ok) failures += 1;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(`  ${outcome.ok ? '✓' : '✗'} ${name}: ${outcome.observed} (${seconds} s)`);
  }
  const holding =
    failures === 0 ? `all ${steps.length} steps hold` : `${failures} of ${steps.length} steps do not hold`;
  console.log(`smoke: ${holding}`);
  return failures === 0;
}
