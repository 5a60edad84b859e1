import type { StackFile } from '../stack-file.ts';
import { accessSteps } from './access.ts';
import { limitSteps } from './limits.ts';
import { metricSteps } from './metrics.ts';
import { worldOf } from './world.ts';

/** Does the main job as users would, a line per step; whether all of it held. */
export async function smoke(stack: StackFile): Promise<boolean> {
  const world = worldOf(stack);
  const { spend, wait } = limitSteps(world);
  // The window moves on while the metrics are awaited.
  const steps = [...accessSteps(world), ...spend, ...metricSteps(world), ...wait];
  let failures = 0;
  for (const [name, step] of steps) {
    const started = performance.now();
    const outcome = await step().then(
      (seen) => ({ ok: true, seen }),
      (error: Error) => ({ ok: false, seen: error.message }),
    );
    if (!outcome.ok) failures += 1;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(`  ${outcome.ok ? '✓' : '✗'} ${name}: ${outcome.seen} (${seconds} s)`);
  }
  const holding =
    failures === 0 ? `all ${steps.length} steps hold` : `${failures} of ${steps.length} steps do not hold`;
  console.log(`smoke: ${holding}`);
  return failures === 0;
}
