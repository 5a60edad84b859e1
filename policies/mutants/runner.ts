import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { login } from '../verify/checks/auth.ts';
import { checks } from '../verify/checks/index.ts';
import { parseJson, type Target } from '../verify/client.ts';
import { type Options, verify } from '../verify/run.ts';
import type { User } from '../verify/types.ts';
import { type Sabotage, sabotage } from './proxy.ts';
import { type Broken, brokenRunning, type World } from './running.ts';
import type { Mutant } from './types.ts';

/** A service to break: its listeners, its certificate, and users nobody else uses. */
export interface Victim {
  readonly api: Target;
  readonly plain: Target;
  readonly internal: Target;
  /** Folder with tls.crt and tls.key, which the sabotaged listener serves too. */
  readonly tlsDir: string;
  readonly operations: Options['operations'];
  /** Four fresh users: a reader, two caseworkers, an admin. Every mutant has its own, since limits outlive it. */
  freshUsers(): Promise<readonly User[]>;
}

/** Mutants of a running service: each is one sabotaged listener, and one live check that must turn red. */
export function runningMutants(victim: Victim): readonly Mutant[] {
  return Object.entries(brokenRunning).map(([name, broken], index) => ({
    name: `service: ${name}`,
    control: broken.control,
    kill: () => kill(victim, broken, index + 1),
  }));
}

/** The same listeners without any sabotage: each check must be green, or a kill proves nothing. */
export async function verifyUnbroken(victim: Victim): Promise<readonly string[]> {
  const names = new Set(Object.values(brokenRunning).map(({ check }) => check));
  const world = await newWorld(victim, '127.0.4.1');
  const proxied = await proxies(victim, '127.0.2.1');
  try {
    const options = { ...proxied.targets, users: world.users, operations: victim.operations };
    const results = await verify(
      options,
      checks.filter(({ id }) => names.has(id)),
    );
    return results
      .filter(({ status }) => status !== 'pass')
      .map(({ check, status, observed }) => `${check.id} ${status}: ${observed}`);
  } finally {
    await proxied.stop();
  }
}

async function kill(victim: Victim, broken: Broken, number: number): Promise<string | null> {
  const check = checks.find(({ id }) => id === broken.check);
  if (!check) throw new Error(`no live check ${broken.check}`);
  // Addresses of its own, of loopback: limits per address outlive a mutant too.
  const from = `127.0.1.${number}`;
  const { users, tokens } = await newWorld(victim, `127.0.3.${number}`);
  const proxied = await proxies(victim, from, {
    [broken.listener ?? 'api']: broken.sabotage({ tokens }),
  });
  try {
    const options = { ...proxied.targets, users, operations: victim.operations };
    const [result] = await verify(options, [check]);
    return result?.status === 'fail' ? `${check.id}: ${result.observed}` : null;
  } finally {
    await proxied.stop();
  }
}

/** All three listeners from one address, each with its sabotage, if any. */
async function proxies(
  victim: Victim,
  from: string,
  broken: Readonly<Partial<Record<'api' | 'plain' | 'internal', Sabotage>>> = {},
) {
  const [target, plain, internal] = await Promise.all([
    proxy(victim, victim.api, broken.api ?? {}, from),
    proxy(victim, victim.plain, broken.plain ?? {}, from),
    proxy(victim, victim.internal, broken.internal ?? {}, from),
  ]);
  return {
    targets: { target: target.target, plain: plain.target, internal: internal.target },
    stop: () => Promise.all([target, plain, internal].map((one) => one.stop())),
  };
}

function proxy(victim: Victim, target: Target, broken: Sabotage, from: string) {
  const read = (file: string): string => readFileSync(join(victim.tlsDir, file), 'utf8');
  return sabotage(target, target.tls ? { cert: read('tls.crt'), key: read('tls.key') } : null, broken, from);
}

/** Users of the mutant's own, and genuine tokens of theirs that a broken service would take for forged ones. */
async function newWorld(victim: Victim, from: string): Promise<World & { readonly users: readonly User[] }> {
  const users = await victim.freshUsers();
  const direct = await proxy(victim, victim.api, {}, from);
  try {
    const token = async (role: User['role']): Promise<string> => {
      const { email = '', password = '' } = users.find((one) => one.role === role) ?? {};
      const answer = await login({ target: direct.target }, email, password);
      const accessToken = parseJson(answer)?.accessToken;
      if (typeof accessToken !== 'string') throw new Error(`no token for a ${role}: ${answer.status}`);
      return accessToken;
    };
    const tokens = {
      reader: await token('reader'),
      caseworker: await token('caseworker'),
      admin: await token('admin'),
    };
    return { tokens, users };
  } finally {
    await direct.stop();
  }
}
