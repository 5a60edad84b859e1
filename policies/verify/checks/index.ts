import type { Check } from '../types.ts';
import { authChecks } from './auth.ts';
import { exposureChecks } from './exposure.ts';
import { headerChecks } from './headers.ts';
import { leakageChecks } from './leakage.ts';
import { limiterChecks } from './limiter.ts';
import { originChecks } from './origins.ts';
import { rbacChecks } from './rbac.ts';
import { tlsChecks } from './tls.ts';

/** Every live check. Those that use a quota up come last, so that the others are not limited by them. */
export const checks: readonly Check[] = [
  ...tlsChecks,
  ...headerChecks,
  ...exposureChecks,
  ...leakageChecks,
  ...originChecks,
  ...rbacChecks,
  ...authChecks,
  ...limiterChecks,
];
