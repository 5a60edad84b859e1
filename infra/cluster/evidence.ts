import { type Evidence, evidenceOf, keepEvidence } from '../evidence.ts';
import type { Kubectl } from './kubectl.ts';

/** What came of a check. */
export interface Outcome {
  readonly name: string;
  readonly status: 'ok' | 'FAIL' | 'skip';
  /** What was seen; the reason where it was skipped. */
  readonly said: string;
  readonly seconds: number;
}

/**
 * Keeps what was seen in `docs/evidence/cluster-<name>.json`, as the independent tools' findings are kept. Checks that were left
 * out by `--only` stay as they were seen earlier that day with the same settings.
 */
export async function record(
  kubectl: Kubectl,
  name: string,
  settings: readonly string[],
  outcomes: readonly Outcome[],
): Promise<void> {
  const { serverVersion } = await kubectl.json<{ serverVersion: { gitVersion: string } }>('version');
  const version = `Kubernetes ${serverVersion.gitVersion}`;
  const expects = `every check holds on ${name}${settings.length > 0 ? ` with ${settings.join(', ')}` : ''}`;
  keepEvidence(`cluster-${name}`, {
    tool: 'test:cluster',
    version,
    expects,
    ...judged(outcomes, evidenceOf(`cluster-${name}`), { version, expects, date: today() }),
    accepted: [],
  });
}

const today = (): string => new Date().toISOString().slice(0, 10);

/** What evidence says of outcomes. @param earlier counts when it is about the same thing, of the same day */
export function judged(
  outcomes: readonly Outcome[],
  earlier: Evidence | null,
  same: Pick<Evidence, 'version' | 'expects' | 'date'>,
): Pick<Evidence, 'passed' | 'summary' | 'findings' | 'skipped' | 'seen'> {
  const known = earlier?.expects === same.expects && earlier.version === same.version;
  const stays = (lines: readonly string[] = []) =>
    known && earlier.date === same.date
      ? lines.filter((line) => !outcomes.some(({ name }) => line.startsWith(`${name}: `)))
      : [];
  const lines = (status: Outcome['status']) =>
    outcomes.filter((one) => one.status === status).map((one) => `${one.name}: ${one.said}`);
  const findings = [...stays(earlier?.findings), ...lines('FAIL')];
  const seen = [...stays(earlier?.seen), ...lines('ok')];
  return {
    passed: findings.length === 0 && seen.length > 0,
    summary: `${seen.length} checks hold on a real cluster`,
    findings,
    skipped: [...stays(earlier?.skipped), ...lines('skip')],
    seen,
  };
}
