import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Backing, TestService } from '../../test/support/service.ts';
import { operationsOf } from '../verify/checks/rbac.ts';
import type { Target } from '../verify/client.ts';
import type { User } from '../verify/types.ts';
import type { Victim } from './runner.ts';

/** The real service with a real Redis, to be broken. */
export interface RunningVictim extends Victim {
  readonly backing: Backing;
  readonly service: TestService;
  stop(): Promise<void>;
}

type ServiceModule = typeof import('../../test/support/service.ts');
type AccountsModule = typeof import('../../app/auth/index.ts');

/**
 * Starts it, with the default limits.
 * @param root folder that holds `app/`: this repository, or a copy with something broken in it
 */
export async function startVictim(
  root = fileURLToPath(new URL('../..', import.meta.url)),
  redisOptions: Readonly<Record<string, string>> = {},
): Promise<RunningVictim> {
  const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, file)).href);
  const { startBacking } = (await load('test/support/service.ts')) as ServiceModule;
  const accounts = (await load('app/auth/index.ts')) as AccountsModule;
  const backing = await startBacking(redisOptions);
  const service = await backing.start();
  const target = (port: number, tls = true): Target => ({
    host: '127.0.0.1',
    port,
    tls,
    ca: tls ? backing.authority.certificate : undefined,
  });
  return {
    backing,
    service,
    api: target(service.ports.api),
    plain: target(service.ports.plain, false),
    internal: target(service.ports.internal),
    tlsDir: join(backing.dir, 'tls'),
    operations: operationsOf(JSON.parse(readFileSync(join(root, 'app/openapi.json'), 'utf8'))),
    freshUsers: () =>
      Promise.all(
        (['reader', 'caseworker', 'caseworker', 'admin'] as const).map((role) =>
          addUser(accounts, service, role),
        ),
      ),
    stop: () => backing.stop(),
  };
}

/** Straight into the store: an admin's own limit would run out over a hundred mutants. */
async function addUser(
  { createAccounts }: AccountsModule,
  { service }: TestService,
  role: User['role'],
): Promise<User> {
  const { users, passwords } = createAccounts(service.context.data, service.context.metrics);
  const user = {
    email: `${randomBytes(8).toString('hex')}@example.com`,
    password: randomBytes(18).toString('hex'),
    role,
  };
  if (!(await users.create(user.email, role, await passwords.hash(user.password))))
    throw new Error('the address is taken');
  return user;
}
