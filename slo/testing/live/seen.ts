import { existsSync, readFileSync } from 'node:fs';

/** An alert that arrived: which scenario raised it, after how many seconds, and within how many it had to. */
export interface Seen {
  readonly scenario: string;
  readonly alert: string;
  readonly seconds: number;
  readonly atMost: number;
}

/** What `npm run test:alerts -- --record` saw when all was well, and on what machine. */
export interface SeenAlerts {
  readonly measuredAt: string;
  readonly context: Readonly<Record<string, string | number>>;
  readonly seen: readonly Seen[];
}

/** Where it is kept; `docs/slo.md` shows it. */
export const seenFile = new URL('../../../docs/alerts-seen.json', import.meta.url);

/** The record, or null before the first one. */
export const readSeen = (file: URL = seenFile): SeenAlerts | null =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SeenAlerts) : null;
