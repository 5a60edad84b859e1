import type { Passwords } from '../auth/passwords.ts';
import type { Secrets } from '../settings/secrets.ts';
import type { UserStore } from './store.ts';

/**
 * Creates the accounts of the bootstrap file that do not exist yet; those that do keep what an admin made of them.
 * Several replicas may do so at once.
 * @returns how many were created
 */
export async function bootstrapUsers(
  wanted: Secrets['bootstrapUsers'],
  users: UserStore,
  passwords: Passwords,
): Promise<number> {
  let created = 0;
  for (const { email, password, role } of wanted) {
    if ((await users.findByEmail(email)) !== undefined) continue;
    if ((await users.create(email, role, await passwords.hash(password))) !== undefined) created += 1;
  }
  return created;
}
