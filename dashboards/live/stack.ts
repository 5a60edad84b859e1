import { existsSync, readFileSync } from 'node:fs';

/** What the scripts read of `.local/stack.json`, which a running stack writes. */
export interface Stack {
  readonly pid: number;
  readonly replicas: readonly string[];
  readonly internal: readonly string[];
  readonly prometheus: string | null;
  readonly alertmanager: string | null;
  readonly grafana: string | null;
  readonly redis: { readonly url: string; readonly ca: string };
  readonly ca: string;
  readonly users: string;
}

/** Where a stack of this checkout says what it is. */
export const stackFile = new URL('../../.local/stack.json', import.meta.url);

/** The running stack, or null. */
export const readStack = (file: URL | string = stackFile): Stack | null =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stack) : null;
