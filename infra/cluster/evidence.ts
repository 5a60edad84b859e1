import { keepEvidence } from '../evidence.ts';
import type { Kubectl } from './kubectl.ts';

/** What came of a check. */
export interface Outcome {
  readonly name: string;
  readonly status: 'ok' | 'FAIL' | 'skip';
  /** What was seen; the reason where it was skipped. */
  readonly said: string;
  readonly seconds: number;
}

/** Keeps what was seen in `docs/evidence/cluster-<name>.json`, as the independent tools' findings are kept. */
export async function record(
  kubectl: Kubectl,
  name: string,
  settings: readonly string[],
  outcomes: readonly Outcome[],
): Promise<void> {
  const { serverVersion } = await kubectl.json<{ serverVersion: { gitVersion: string } }>('version');
  const lines = (status: Outcome['status']) =>
    outcomes.filter((one) => one.status === status).map((one) => `${one.name}: ${one.said}`);
  const held = lines('ok');
  keepEvidence(`cluster-${name}`, {
    tool: 'test:cluster',
    version: `Kubernetes ${serverVersion.gitVersion}`,
    expects: `every check holds on ${name}${settings.length > 0 ? ` with ${settings.join(', ')}` : ''}`,
    passed: lines('FAIL').length === 0 && held.length > 0,
    summary: `${held.length} checks hold on a real cluster`,
    findings: lines('FAIL'),
    accepted: [],
    skipped: lines('skip'),
    seen: held,
  });
}
