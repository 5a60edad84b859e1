import type { FastifyBaseLogger } from 'fastify';
import { type Static, type TObject, type TProperties, Type } from 'typebox';

type Level = 'info' | 'warn' | 'error' | 'fatal';

const define = <P extends TProperties>(level: Level, message: string, fields: P) => ({
  level,
  message,
  fields: Type.Object(fields, { additionalProperties: false }),
});

/** A keyed hash of an account or login name: the same person in all lines, nobody by name. */
const pseudonym = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' });
const files = Type.String();
const error = Type.Unsafe<unknown>({ type: 'object' });

/**
 * What the service tells an operator or an auditor, by name (ASVS 16.3): level, text and the only fields it may carry.
 */
export const events = {
  login_succeeded: define('info', 'signed in', { user: pseudonym }),
  login_failed: define('warn', 'wrong login name or password', { account: pseudonym }),
  login_delayed: define('warn', 'login refused for too many failures', { account: pseudonym }),
  logged_out: define('info', 'signed out', { user: pseudonym }),
  refresh_reused: define('error', 'a used refresh token came back: the session was ended', {}),
  csrf_refused: define('warn', 'refresh by cookie refused', { reason: Type.String() }),
  token_rejected: define('info', 'access token refused', { reason: Type.String() }),
  access_denied: define('warn', 'access denied', { role: Type.String(), route: Type.String() }),
  user_created: define('info', 'account created', { by: pseudonym, user: pseudonym, role: Type.String() }),
  user_changed: define('info', 'account changed', {
    by: pseudonym,
    user: pseudonym,
    changed: Type.Array(Type.Enum(['role', 'disabled', 'password'])),
  }),
  rate_limit_check: define('info', 'rate limit checked', {
    operation: Type.String({ description: 'Of the case service, else the route.' }),
    policy: Type.String(),
    count: Type.Integer(),
    limit: Type.Integer(),
    allowed: Type.Boolean(),
    remaining: Type.Integer(),
    user: Type.Union([pseudonym, Type.Null()]),
  }),
  redis_connected: define('info', 'Redis answers', { store: Type.String() }),
  redis_error: define('warn', 'Redis does not answer', { store: Type.String(), reason: Type.String() }),
  limits_reset: define('warn', "a user's rate limits were reset", { by: pseudonym, user: pseudonym }),
  users_bootstrapped: define('info', 'first accounts created', { count: Type.Integer() }),
  bootstrap_failed: define('warn', 'first accounts could not be created yet', { err: error }),
  files_reloaded: define('info', 'changed files are in use', { files }),
  files_refused: define('error', 'changed files are not usable; the old ones stay in use', {
    files,
    problems: Type.Array(Type.String()),
  }),
  request_failed: define('error', 'request failed', { err: error, status: Type.Integer() }),
  slow_reader_cut: define('warn', 'a reader took too long and was cut off', { route: Type.String() }),
  started: define('info', 'listening', {
    api: Type.Integer(),
    internal: Type.Integer(),
    plain: Type.Union([Type.Integer(), Type.Null()]),
  }),
  draining: define('info', 'not ready any more; open requests go on', { seconds: Type.Number() }),
  stopped: define('info', 'stopped', { cut: Type.Boolean() }),
  crashed: define('fatal', 'unexpected error; draining and exiting', { err: error }),
} as const satisfies Record<string, { level: Level; message: string; fields: TObject }>;

/** A name in {@link events}. */
export type EventName = keyof typeof events;

/** Writes an event with exactly its fields. */
export function emit<N extends EventName>(
  log: Pick<FastifyBaseLogger, Level>,
  event: N,
  fields: Static<(typeof events)[N]['fields']>,
): void {
  const { level, message } = events[event];
  log[level]({ event, ...(fields as object) }, message);
}
