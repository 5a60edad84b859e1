import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { identityOf } from '../http/access.ts';
import type { Context } from '../http/context.ts';
import { badRequest, Problem } from '../http/problem.ts';
import { weakness } from '../settings/weak-passwords.ts';
import { emit } from '../telemetry/events.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import type { Passwords } from './passwords.ts';
import { Account, AccountId, Email, NewPassword, RoleName } from './schemas.ts';
import type { UserStore } from './store.ts';

const closed = { additionalProperties: false } as const;
const CreateBody = Type.Object({ email: Email, password: NewPassword, role: RoleName }, closed);
const ChangeBody = Type.Object(
  {
    role: Type.Optional(RoleName),
    disabled: Type.Optional(Type.Boolean()),
    password: Type.Optional(NewPassword),
  },
  { ...closed, minProperties: 1 },
);
const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
    cursor: Type.Optional(AccountId),
  },
  closed,
);
const Page = Type.Object(
  { items: Type.Array(Account), nextCursor: Type.Union([AccountId, Type.Null()]) },
  closed,
);

/** Accounts, for admins. Each change is an audit event and ends the sessions of its account. */
export function userRoutes(
  plain: FastifyInstance,
  { secrets }: Context,
  { users, passwords }: { readonly users: UserStore; readonly passwords: Passwords },
): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const config = { access: ['admin'], rateLimit: 'default' } as const;
  const named = (userId: string) => pseudonym(secrets.current.pseudonymKey, 'user', userId);
  const by = (request: FastifyRequest) => named(identityOf(request).userId);

  app.get(
    '/api/v1/users',
    {
      config,
      schema: { summary: 'List accounts', tags: ['users'], querystring: ListQuery, response: { 200: Page } },
    },
    async ({ query: { limit, cursor } }) => {
      const items = await users.list(cursor, limit);
      return { items, nextCursor: items.length < limit ? null : (items.at(-1)?.id ?? null) };
    },
  );

  app.post(
    '/api/v1/users',
    {
      config,
      schema: { summary: 'Create an account', tags: ['users'], body: CreateBody, response: { 201: Account } },
    },
    async (request, reply) => {
      const { email, password, role } = request.body;
      refuseWeak(password, email);
      const user = await users.create(
        email,
        role,
        await passwords.hash(password),
        identityOf(request).userId,
      );
      if (user === undefined) {
        throw new Problem(409, 'Conflict', { detail: 'There is an account with this e-mail address' });
      }
      emit(request.log, 'user_created', { by: by(request), user: named(user.id), role });
      return reply.code(201).header('location', `/api/v1/users/${user.id}`).send(user);
    },
  );

  app.patch(
    '/api/v1/users/:id',
    {
      config,
      schema: {
        summary: "Change an account's role or password, disable or enable it; its sessions end at once",
        tags: ['users'],
        params: Type.Object({ id: AccountId }),
        body: ChangeBody,
        response: { 200: Account },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { role, disabled, password } = request.body;
      const user = await users.find(id);
      if (user === undefined) throw noSuchUser();
      const { userId } = identityOf(request);
      if (id === userId && (disabled === true || (role !== undefined && role !== 'admin'))) {
        throw new Problem(409, 'Conflict', {
          detail: 'Another admin must take away your own access, so that one always remains',
        });
      }
      if (password !== undefined) refuseWeak(password, user.email);
      const change = {
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
        ...(password === undefined ? {} : { passwordHash: await passwords.hash(password) }),
      };
      const changed = await users.update(id, change, userId);
      if (changed === undefined) throw noSuchUser();
      emit(request.log, 'user_changed', {
        by: by(request),
        user: named(id),
        changed: (['role', 'disabled', 'password'] as const).filter((name) => name in request.body),
      });
      return changed;
    },
  );
}

const noSuchUser = () => new Problem(404, 'Not Found', { detail: 'There is no such account' });

function refuseWeak(password: string, email: string): void {
  const message = weakness(password, email);
  if (message !== undefined) throw badRequest([{ field: '/password', message }]);
}
