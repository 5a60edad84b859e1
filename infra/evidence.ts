import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What an independent tool, a real cluster or a load test said on a day; `docs/acceptance.md` cites it. */
export interface Evidence {
  readonly tool: string;
  readonly version: string;
  /** The day, as `2026-11-25`. */
  readonly date: string;
  readonly expects: string;
  readonly passed: boolean;
  readonly summary: string;
  /** What speaks against it, a line each. */
  readonly findings: readonly string[];
  /** Findings that are accepted, by reason. */
  readonly accepted: readonly {
    readonly reason: string;
    readonly count: number;
    readonly examples: readonly string[];
  }[];
  /** What was not asked, and why. */
  readonly skipped?: readonly string[];
  /** What held, a line each. */
  readonly seen?: readonly string[];
}

/** Keeps what was seen today in `docs/evidence/<name>.json`. */
export function keepEvidence(name: string, evidence: Omit<Evidence, 'date'>): void {
  const { tool, version, ...said } = evidence;
  const kept: Evidence = { tool, version, date: new Date().toISOString().slice(0, 10), ...said };
  writeFileSync(fileOf(name), `${JSON.stringify(kept, null, 2)}\n`);
}

/** What was kept under a name; null when nothing was. */
export function evidenceOf(name: string): Evidence | null {
  const file = fileOf(name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Evidence) : null;
}

const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../docs/evidence/${name}.json`, import.meta.url));
