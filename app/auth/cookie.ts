import type { FastifyReply, FastifyRequest } from 'fastify';

/** `__Host-`: the browser refuses it from a subdomain, without Secure, or for another path (ASVS 3.3.1-3.3.4). */
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const cookies = {
  /** A refresh token that no script can read; only the refresh and logout routes read it. */
  refresh: { name: '__Host-refresh', form: /(?:^|; ?)__Host-refresh=([^;]*)/ },
  /** A device that signed in before; only the login route reads it. */
  device: { name: '__Host-device', form: /(?:^|; ?)__Host-device=([^;]*)/ },
} as const;
type CookieName = keyof typeof cookies;

/** Returns the value of a cookie. */
export const readCookie = ({ headers }: FastifyRequest, cookie: CookieName): string | undefined =>
  cookies[cookie].form.exec(headers.cookie ?? '')?.[1];

/** Sets a cookie beside others. Its value must have no character that a cookie needs quoted. */
export function setCookie(reply: FastifyReply, cookie: CookieName, value: string, maxAge: number): void {
  reply.header('set-cookie', `${cookies[cookie].name}=${value}; Max-Age=${maxAge}; ${attributes}`);
}

/** Clears a cookie. Never after a refused refresh: the loser of a race would sign out the winner. */
export const clearCookie = (reply: FastifyReply, cookie: CookieName): void => setCookie(reply, cookie, '', 0);
