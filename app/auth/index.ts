import type { RedisClient } from '../redis/client.ts';
import type { Secrets } from '../settings/secrets.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Passwords } from '../users/passwords.ts';
import { UserStore } from '../users/store.ts';
import { LoginGuard } from './login-guard.ts';
import { Sessions } from './sessions.ts';

/** The stores of accounts, sessions and login attempts, and the hashing of passwords. */
export interface Accounts {
  readonly users: UserStore;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly guard: LoginGuard;
}

/** Creates the stores over the data connection. */
export function createAccounts(
  data: RedisClient,
  metrics: Metrics,
  secrets: { readonly current: Secrets },
): Accounts {
  metrics.password_hash_queue_depth.set({}, 0);
  return {
    users: new UserStore(data),
    sessions: new Sessions(data, () => secrets.current.csrfKey),
    passwords: new Passwords((depth) => metrics.password_hash_queue_depth.set({}, depth)),
    guard: new LoginGuard(data, () => secrets.current),
  };
}
