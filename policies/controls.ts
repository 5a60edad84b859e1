import { platformControls } from './controls/platform.ts';
import { serviceControls } from './controls/service.ts';
import type { Control } from './controls/types.ts';

/**
 * The security checklist: every control once, with the proofs that it claims. `docs/security.md` and
 * `policies/CHECKLIST.md` are generated from it, and a test fails where a claim does not exist.
 */
export const controls: readonly Control[] = [...serviceControls, ...platformControls];
