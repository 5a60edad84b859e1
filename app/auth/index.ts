import type { RedisClient } from '../redis/client.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { UserStore } from '../users/store.ts';
import { LoginBackoff } from './backoff.ts';
import { Passwords } from './passwords.ts';
import { Sessions } from './sessions.ts';

/** Everything that knows who somebody is. */
export interface Accounts {
  readonly users: UserStore;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly backoff: LoginBackoff;
}

/** Accounts, sessions and passwords over the data connection. */
export function createAccounts(data: RedisClient, metrics: Metrics): Accounts {
  metrics.password_hash_queue_depth.set({}, 0);
  return {
    users: new UserStore(data),
    sessions: new Sessions(data),
    passwords: new Passwords((depth) => metrics.password_hash_queue_depth.set({}, depth)),
    backoff: new LoginBackoff(data),
  };
}
