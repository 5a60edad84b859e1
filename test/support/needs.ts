import { it } from 'vitest';

/** A test that runs a real Alertmanager or its amtool; skipped where none can be had, which the start of a run says. */
export const needsAlertmanager = it.skipIf(process.env['ALERTMANAGER'] === undefined);
