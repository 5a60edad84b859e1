/**
 * The log events of the service: level, message and the only fields that each may have (ASVS 16.3).
 * Pure: the service and the generated document load this file.
 */
import { type TObject, type TProperties, Type } from 'typebox';

/** A level of the log. */
export type Level = 'info' | 'warn' | 'error' | 'fatal';

const define = <P extends TProperties>(level: Level, message: string, fields: P) => ({
  level,
  message,
  fields: Type.Object(fields, { additionalProperties: false }),
});

/** A keyed hash of an account or login name. */
const pseudonym = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' });
const files = Type.String();
const error = Type.Unsafe<unknown>({ type: 'object' });

/** All events by name. */
export const events = {
  login_succeeded: define('info', 'signed in', { user: pseudonym }),
  login_failed: define('warn', 'wrong login name or password', { account: pseudonym }),
  login_delayed: define('warn', 'login refused for too many failures', { account: pseudonym }),
  password_refused: define('warn', 'wrong current password at a password change', { user: pseudonym }),
  logged_out: define('info', 'signed out', { user: pseudonym }),
  refresh_reused: define('error', 'a used refresh token came back: the session was ended', {}),
  csrf_refused: define('warn', 'refresh by cookie refused', { reason: Type.String() }),
  token_rejected: define('info', 'access token refused', { reason: Type.String() }),
  access_denied: define('warn', 'access denied', { role: Type.String(), route: Type.String() }),
  case_accessed: define('info', 'an admin used a case of another user', {
    by: pseudonym,
    owner: pseudonym,
    operation: Type.String(),
  }),
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
  request_completed: define('info', 'request completed', {
    route: Type.String({ description: 'The template, or unmatched.' }),
    method: Type.String(),
    status: Type.Integer({ description: '499 where the client left before the answer.' }),
    duration_ms: Type.Integer(),
    user: Type.Union([pseudonym, Type.Null()]),
  }),
  answer_broken: define('error', 'an answer broke after its headers; the connection was reset', {
    err: error,
    route: Type.String(),
  }),
  record_unreadable: define('error', 'a stored case cannot be opened; it is left out of lists', {
    owner: pseudonym,
    case_id: Type.String(),
    reason: Type.String(),
  }),
  store_full: define('warn', 'Redis is nearly full: new cases and changes are refused', {
    used_percent: Type.Integer(),
  }),
  store_has_room: define('info', 'Redis has room again', { used_percent: Type.Integer() }),
  events_left_out: define('warn', 'more events than are logged per second', {
    of: Type.String({ description: 'The event that was left out.' }),
    count: Type.Integer(),
  }),
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

/**
 * Lines per second of the events that a client can cause. The access log keys its samples by status class.
 * An event that is not listed is always written: audit events, and the life of the process.
 */
export const eventLimits: Readonly<Record<string, number>> = {
  login_succeeded: 100,
  login_failed: 20,
  login_delayed: 20,
  password_refused: 20,
  logged_out: 100,
  refresh_reused: 20,
  csrf_refused: 20,
  token_rejected: 20,
  access_denied: 20,
  rate_limit_check: 60,
  request_failed: 100,
  slow_reader_cut: 20,
  answer_broken: 100,
  record_unreadable: 20,
  redis_error: 20,
  'request_completed 1xx': 10,
  'request_completed 2xx': 10,
  'request_completed 3xx': 10,
  'request_completed 4xx': 20,
  'request_completed aborted': 20,
  'request_completed 5xx': 1_000,
};
