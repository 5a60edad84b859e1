import { setTimeout as sleep } from 'node:timers/promises';
import type { Check, Context, Recorded, Result, Session, User } from './check.ts';
import { type Answer, CouldNotCheck, parseJson, type Request, send } from './client.ts';
import { errorFindings, headerFindings } from './expected.ts';

/** The subject of a verification. */
export type Options = Pick<Context, 'target' | 'users' | 'operations'> &
  Partial<
    Pick<
      Context,
      'plain' | 'internal' | 'profile' | 'readOnly' | 'behindEdge' | 'origin' | 'quotas' | 'backends'
    >
  > & {
    /** Milliseconds that the run may spend in waiting for limits to free up; 150,000 by default. */
    readonly waitMs?: number;
  };

/** Receives progress: each result, and each wait. */
export interface Progress {
  result?(result: Result): void;
  waiting?(seconds: number, reason: string): void;
}

/** Milliseconds that a run may take, waits for limits apart. */
const runTimeoutMs = 180_000;

/**
 * Runs the checks one after the other, slow ones beside them, and signs every session out at the end.
 * A check that throws is an error, never a pass.
 */
export async function verify(
  options: Options,
  checks: readonly Check[],
  progress: Progress = {},
): Promise<readonly Result[]> {
  const { context, signOut } = createContext(options, progress);
  const results = new Map<Check, Result>();
  const run = async (check: Check): Promise<void> => {
    const result = await runOne(check, context);
    results.set(check, result);
    progress.result?.(result);
  };
  const slow = checks.filter((check) => check.slow).map(run);
  for (const check of checks) if (!check.slow) await run(check);
  await Promise.all(slow);
  await signOut();
  return checks.flatMap((check) => results.get(check) ?? []);
}

function createContext(
  options: Options,
  progress: Progress,
): { readonly context: Context; signOut(): Promise<void> } {
  const sessions = new Map<string, Promise<Session>>();
  const recorded: Recorded[] = [];
  const sendPatiently = createSender(options, progress, recorded);
  const session = async (user: User): Promise<Session> => {
    const { email, password, role } = user;
    const answer = await sendPatiently(loginRequest(email, password));
    const { accessToken, refreshToken } = parseJson(answer) ?? {};
    if (answer.status !== 200 || typeof accessToken !== 'string')
      throw new CouldNotCheck(`the ${role} of the users file cannot sign in: ${answer.status}`);
    return {
      accessToken,
      refreshToken: String(refreshToken),
      send: (request) => sendPatiently(withToken(request, accessToken)),
    };
  };
  const user: Context['user'] = (who) => {
    const role = who === 'other' ? 'caseworker' : who;
    const found = options.users.filter((one) => one.role === role)[who === 'other' ? 1 : 0];
    if (!found)
      throw new CouldNotCheck(`the users file has no ${who === 'other' ? 'second caseworker' : role}`);
    return found;
  };
  const context: Context = {
    plain: null,
    internal: null,
    profile: 'house',
    readOnly: false,
    behindEdge: false,
    origin: null,
    quotas: [],
    backends: {},
    ...options,
    recorded,
    send: sendPatiently,
    user,
    signIn: session,
    forget: (who) => sessions.delete(who),
    session(who) {
      const known = sessions.get(who) ?? Promise.resolve().then(() => session(user(who)));
      sessions.set(who, known);
      return known;
    },
  };
  const signOut = async (): Promise<void> => {
    await Promise.allSettled([...sessions.values()].map(async (one) => endSession(await one)));
  };
  return { context, signOut };
}

/** One try to sign in. */
export function loginRequest(email: string, password: string, more: Partial<Request> = {}): Request {
  return { method: 'POST', path: '/api/v1/auth/login', body: JSON.stringify({ email, password }), ...more };
}

/** Ends a session at the service. */
export function endSession({ send: sendAs, refreshToken }: Session): Promise<Answer> {
  const body = JSON.stringify({ refreshToken });
  return sendAs({ method: 'POST', path: '/api/v1/auth/logout', body, limited: true });
}

/** The request with the token as its authorization. */
export function withToken(request: Request, accessToken: string): Request {
  const headers = { ...(request.headers as Record<string, string>), authorization: `Bearer ${accessToken}` };
  return { ...request, headers };
}

/**
 * Sends, records, and waits out what says nothing about a control: a 429 for as long as Retry-After says, a 503 (a busy
 * machine's limiter misses its deadline, and login is closed for a moment) for up to five seconds.
 */
function createSender(
  { target, profile = 'house', behindEdge = false, origin = null, waitMs = 150_000 }: Options,
  progress: Progress,
  recorded: Recorded[],
): Context['send'] {
  const started = Date.now();
  let waited = 0;
  return async (request) => {
    for (let tries = 1; ; tries += 1) {
      if (Date.now() - started > runTimeoutMs + waited) throw new CouldNotCheck('no time left');
      const answer = await send(target, request);
      const title = `${request.method ?? 'GET'} ${(request.path ?? 'raw').split('?')[0]}`.slice(0, 80);
      recorded.push({
        title,
        status: answer.status,
        headers: headerFindings(answer, { profile, tls: target.tls, origin }),
        errors: errorFindings(answer, request.method !== 'HEAD', behindEdge),
      });
      if (answer.status === 429 && request.limited) return answer;
      if (answer.status === 503) {
        if (tries === 20) throw new CouldNotCheck(`${title} is answered 503 all the time`);
        await sleep(Math.min(250, waitMs));
      } else if (answer.status === 429) {
        const seconds = Number(answer.headers.get('retry-after') ?? 60);
        if (!(waited + seconds * 1_000 <= waitMs) || tries > 3)
          throw new CouldNotCheck(`${title} is limited; run security-verify again in ${seconds} s`);
        waited += seconds * 1_000;
        progress.waiting?.(seconds, `${title} is limited`);
        await sleep(seconds * 1_000);
      } else return answer;
    }
  };
}

async function runOne(check: Check, context: Context): Promise<Result> {
  const started = Date.now();
  const result = (status: Result['status'], observed: string): Result => ({
    check,
    status,
    observed,
    milliseconds: Date.now() - started,
  });
  const missing = missingRequirement(check, context);
  if (missing) return result('skipped', missing);
  try {
    const { ok, observed } = await check.run(context);
    return result(ok ? 'pass' : 'fail', observed);
  } catch (error) {
    return result('error', error instanceof Error ? error.message : String(error));
  }
}

function missingRequirement({ needs = [] }: Check, context: Context): string | null {
  for (const need of needs) {
    if (need === 'writes' && context.readOnly) return 'it writes or uses a quota up; --read-only';
    if (need === 'direct' && context.behindEdge) return 'the edge answers this itself; --behind-edge';
    if ((need === 'plain' || need === 'internal' || need === 'origin') && !context[need])
      return `no --${need} named`;
    if (need in backendNames && !context.backends[need as keyof typeof backendNames])
      return `only the local stack’s ${backendNames[need as keyof typeof backendNames]} can be tried`;
  }
  return null;
}

const backendNames = {
  redis: 'Redis',
  prometheus: 'Prometheus',
  alertmanager: 'Alertmanager',
  grafana: 'Grafana',
  state: 'folder of credentials',
} as const;
