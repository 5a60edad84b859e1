import { readStackFile, type StackFile } from '../../infra/local/stack-file.ts';

/** What is under test, and how it is reached. */
export interface Target {
  readonly urls: readonly string[];
  /** Internal ports of all replicas; empty when they are out of reach. */
  readonly internal: readonly string[];
  /** CA file of the API; null for the public ones. */
  readonly ca: string | null;
  /** CA file of the internal ports. */
  readonly internalCa: string | null;
  /** File of users, one of them an admin: `[{email, password, role}]`. */
  readonly users: string;
  /** File of the rate limits in force; null: the default ones. */
  readonly policies: string | null;
}

/** Options that name a target; each overrides the value of the local stack. */
export interface TargetOptions {
  readonly target?: readonly string[] | undefined;
  readonly internal?: readonly string[] | undefined;
  readonly ca?: string | undefined;
  readonly internalCa?: string | undefined;
  readonly users?: string | undefined;
  readonly policies?: string | undefined;
}

/** The command line's target, else the local stack. @throws Error that says what to do */
export function findTarget(asked: TargetOptions, stack: StackFile | null = readStackFile() ?? null): Target {
  if (asked.target !== undefined) {
    if (asked.users === undefined)
      throw new Error('--target needs --users FILE, a JSON list of {email, password, role} with an admin');
    return {
      urls: asked.target.map(withoutSlash),
      internal: (asked.internal ?? []).map(withoutSlash),
      ca: asked.ca ?? null,
      internalCa: asked.internalCa ?? asked.ca ?? null,
      users: asked.users,
      policies: asked.policies ?? null,
    };
  }
  if (stack === null)
    throw new Error('no local stack is running: `npm start` in another terminal, or name a --target');
  return {
    urls: stack.replicas,
    internal: asked.internal ?? stack.internal,
    ca: asked.ca ?? stack.ca,
    internalCa: asked.internalCa ?? stack.ca,
    users: asked.users ?? stack.users,
    policies: asked.policies ?? stack.policies,
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
