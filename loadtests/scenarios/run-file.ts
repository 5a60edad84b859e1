import type { Policy } from '../../contract/policies.ts';

/** The scripts, each a file `loadtests/<name>.ts`. */
export const scripts = ['limits', 'burst', 'attack', 'mixed', 'soak', 'spike', 'breakpoint'] as const;

/** One of {@link scripts}. */
export type Script = (typeof scripts)[number];

/** What the runner tells a script, as a file: where to send, as whom, and which limits hold there. */
export interface RunFile {
  readonly script: Script;
  /** Base URLs of the API; requests go to them in turn, so that every replica is met. */
  readonly targets: readonly string[];
  /** Path of the load accounts, a JSON list of {@link Account}; readable by its owner only. */
  readonly accounts: string;
  readonly policies: readonly Policy[];
  /** How many client addresses k6 has (`--local-ips`). */
  readonly addresses: number;
  /** Folder for the reports. */
  readonly reports: string;
  /** Makes names of this run's throw-away accounts and cases unique. */
  readonly seed: string;
  /** Another duration, in seconds, for the scripts that have one. */
  readonly seconds?: number;
  /** Only these policies, for `limits`. */
  readonly only?: readonly string[];
  /** Highest rate for `breakpoint`, requests per second. */
  readonly to?: number;
}

/** A load account. */
export interface Account {
  readonly email: string;
  readonly password: string;
}
