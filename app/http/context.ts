import type {} from 'fastify';
import type { Logger } from 'pino';
import type { caseOperations } from '../../contract/metrics.ts';
import type { RouteClass } from '../../contract/policies.ts';
import type { RateLimiter } from '../../limiter/index.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Secrets } from '../settings/secrets.ts';
import type { Settings } from '../settings/settings.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What a user may do; each includes nothing of the others, routes list the roles they admit. */
export const roles = ['reader', 'caseworker', 'admin'] as const;
/** A member of {@link roles}. */
export type Role = (typeof roles)[number];
/** Whether something that was read, from a token or the store, is a role. */
export const isRole = (value: unknown): value is Role => roles.includes(value as Role);

/** Who sends a request, as the verified access token says; whether it still holds is asked of Redis. */
export interface Identity {
  /** Random account id. */
  readonly userId: string;
  /** The role at the time of the last check: from the token, then from the account. */
  readonly role: Role;
  /** The session that the token belongs to: ended by logout, and when its refresh token is stolen. */
  readonly sessionId: string;
  /** Of the account when the token was issued; a newer one ends the session. */
  readonly generation: number;
}

/** Everything a route needs, made once per process in `service.ts`. */
export interface Context {
  readonly settings: Settings;
  /** Re-read when the files change: always go through this object, never keep a member. */
  readonly secrets: { readonly current: Secrets };
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Connection of the data role: must answer. */
  readonly data: RedisClient;
  readonly limiter: RateLimiter;
}

/** The declaration of a route; a route without one stops the start. */
export interface RouteDeclaration {
  /** `public`, or the roles admitted. */
  readonly access: 'public' | readonly Role[];
  /** Which policies beside `address` and `global` it is subject to. */
  readonly rateLimit: RouteClass;
  /** Feeds `case_operations_total` and the `rate_limit_check` event. */
  readonly operation?: (typeof caseOperations)[number];
}

declare module 'fastify' {
  interface FastifyContextConfig extends Partial<RouteDeclaration> {}
  interface FastifyRequest {
    /** Null until a token was verified, and on public routes without one. */
    identity: Identity | null;
  }
}
