import { requests } from '../scenarios/requests.ts';
import type { Account } from '../scenarios/run-file.ts';
import { send } from './client.ts';

/** Tokens of one signed-in account. */
export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Unix milliseconds from which a new access token is wanted. */
  readonly renewAt: number;
}

/** Logs an account in. @throws Error when the service does not let it in */
export function login({ email, password }: Account): Session {
  const answer = send(requests.login(email, password));
  if (answer.status !== 200) throw new Error(`login of ${email} answered ${answer.status}`);
  return session(answer.json());
}

/** The session, with a new access token when the old one is about to end; users log in once. */
export function kept(current: Session): Session {
  if (Date.now() < current.renewAt) return current;
  const answer = send(requests.refresh(current.refreshToken));
  if (answer.status !== 200) throw new Error(`refresh answered ${answer.status}`);
  return session(answer.json());
}

function session(body: unknown): Session {
  const { accessToken, refreshToken, expiresIn } = body as {
    accessToken: string;
    refreshToken: string;
    expiresIn: number;
  };
  return { accessToken, refreshToken, renewAt: Date.now() + expiresIn * 800 };
}
