import type { FastifyReply, FastifyRequest } from 'fastify';
import { idleLife } from './sessions.ts';

/** `__Host-`: the browser refuses it from a subdomain, without Secure, or for another path (ASVS 3.3.1-3.3.4). */
const name = '__Host-refresh';
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const pair = new RegExp(`(?:^|; ?)${name}=([^;]*)`);

/** The refresh token in the cookie; only the refresh route reads it. */
export function readRefreshCookie({ headers }: FastifyRequest): string | undefined {
  return pair.exec(headers.cookie ?? '')?.[1];
}

/** Gives the browser a refresh token that no script can read. It has no character that a cookie would need quoted. */
export function setRefreshCookie(reply: FastifyReply, token: string): void {
  reply.header('set-cookie', `${name}=${token}; Max-Age=${idleLife}; ${attributes}`);
}

/** Takes the cookie back. Never after a refused refresh: the loser of a race would sign out the winner. */
export function clearRefreshCookie(reply: FastifyReply): void {
  reply.header('set-cookie', `${name}=; Max-Age=0; ${attributes}`);
}
