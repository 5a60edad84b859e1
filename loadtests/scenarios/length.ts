import { planAttack } from './attack.ts';
import { rampProfile } from './breakpoint.ts';
import { planBurst } from './burst.ts';
import { planLimits } from './limits.ts';
import type { RunFile } from './run-file.ts';
import { profileOf, totalSeconds } from './traffic.ts';

/** How long a run will take, in seconds, without the end of its last requests. */
export function secondsOf({ script, policies, addresses, only, seconds, to }: RunFile): number {
  if (script === 'limits')
    return planLimits(
      policies.filter(({ name }) => only?.includes(name) ?? true),
      addresses,
    ).seconds;
  if (script === 'burst') return planBurst(policies).seconds;
  if (script === 'attack') return planAttack(policies).seconds;
  return totalSeconds(profileOf(script, seconds) ?? rampProfile(to));
}
