import type { Logger } from 'pino';
import type { RedisClient } from '../redis/client.ts';
import type { Secrets } from '../settings/secrets.ts';
import { emit } from '../telemetry/events.ts';
import type { Passwords } from './passwords.ts';
import type { UserStore } from './store.ts';

/** Milliseconds between two checks that the accounts are there. */
const pollIntervalMs = 1_000;
/** Milliseconds after which a roll-out is over, and no replica of the previous release reads its e-mail index. */
const rollOutMs = 600_000;

/** The stores that accounts are created in. */
interface Accounts {
  readonly users: UserStore;
  readonly passwords: Passwords;
}

interface Dependencies {
  readonly data: RedisClient;
  readonly accounts: Accounts;
  readonly secrets: { readonly current: Secrets };
  /** `booted` becomes true with the first accounts, and false while a Redis that lost everything gets them again. */
  readonly lifecycle: { booted: boolean };
  readonly log: Logger;
}

/**
 * Creates the accounts of the bootstrap file that do not exist; existing ones stay as they are. It does so when Redis
 * answers first, and again when Redis has lost all accounts. Several replicas may do so at once.
 * @returns a function that stops it
 */
export function bootstrapAccounts({ data, accounts, secrets, lifecycle, log }: Dependencies): () => void {
  let running = false;
  const run = async (): Promise<void> => {
    if (running || data.status !== 'ready') return;
    running = true;
    try {
      const { bootstrapUsers } = secrets.current;
      if (lifecycle.booted && bootstrapUsers.length > 0 && (await accounts.users.isEmpty()))
        lifecycle.booted = false;
      if (lifecycle.booted) return;
      const count = await createMissing(bootstrapUsers, accounts);
      if (count > 0) emit(log, 'users_bootstrapped', { count });
      lifecycle.booted = true;
    } catch (error) {
      if (!lifecycle.booted) emit(log, 'bootstrap_failed', { err: error });
    } finally {
      running = false;
    }
  };
  const move = () => void accounts.users.moveEmailIndex().catch(() => undefined);
  const timers = [setInterval(run, pollIntervalMs).unref(), setTimeout(move, rollOutMs).unref()];
  data.on('ready', run);
  void run();
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

async function createMissing(
  wanted: Secrets['bootstrapUsers'],
  { users, passwords }: Accounts,
): Promise<number> {
  let created = 0;
  for (const { email, password, role } of wanted) {
    if ((await users.findByEmail(email)) !== undefined) continue;
    if ((await users.create(email, role, await passwords.hash(password))) !== undefined) created += 1;
  }
  return created;
}
