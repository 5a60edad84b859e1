import type { Check } from '../check.ts';
import { authChecks } from './auth.ts';
import { backendChecks } from './backends.ts';
import { exposureChecks } from './exposure.ts';
import { everyAnswerCheck, headerChecks } from './headers.ts';
import { everyErrorChecks, leakageChecks } from './leakage.ts';
import { limiterChecks } from './limiter.ts';
import { originChecks } from './origins.ts';
import { rbacChecks } from './rbac.ts';
import { tlsChecks } from './tls.ts';

/** Every live check. Those that use a quota up come late, so that they do not limit the others; the last ones judge all answers. */
export const checks: readonly Check[] = [
  ...tlsChecks,
  ...headerChecks,
  ...exposureChecks,
  ...leakageChecks,
  ...originChecks,
  ...rbacChecks,
  ...authChecks,
  ...limiterChecks,
  ...backendChecks,
  ...everyErrorChecks,
  everyAnswerCheck,
];
