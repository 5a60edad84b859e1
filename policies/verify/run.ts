import { login } from './checks/auth.ts';
import { parseJson, type Request, type Session, send, type Target } from './client.ts';
import type { Check, Context, Operation, Profile, Result, User } from './types.ts';
import { CouldNotCheck } from './types.ts';

/** What to verify, and with what. */
export interface Options {
  readonly target: Target;
  readonly plain?: Target | null;
  readonly internal?: Target | null;
  readonly profile?: Profile;
  readonly readOnly?: boolean;
  readonly behindEdge?: boolean;
  readonly users: readonly User[];
  readonly operations: readonly Operation[];
  /** Milliseconds for everything; what has not run by then could not be checked. */
  readonly budgetMs?: number;
}

/**
 * Runs the checks one after the other, except slow ones that only wait, and signs every session out at the end.
 * A check that throws is an error, never a pass.
 */
export async function verify(
  options: Options,
  checks: readonly Check[],
  report: (result: Result) => void = () => {},
): Promise<readonly Result[]> {
  const sessions = new Map<string, Promise<Session>>();
  const context: Context = {
    target: options.target,
    plain: options.plain ?? null,
    internal: options.internal ?? null,
    profile: options.profile ?? 'house',
    readOnly: options.readOnly ?? false,
    behindEdge: options.behindEdge ?? false,
    users: options.users,
    operations: options.operations,
    session(who) {
      const known = sessions.get(who) ?? signIn(options, who);
      sessions.set(who, known);
      return known;
    },
  };
  const deadline = Date.now() + (options.budgetMs ?? 55_000);
  const results: Result[] = [];
  const run = async (check: Check): Promise<void> => {
    const result = await runOne(check, context, deadline);
    results.push(result);
    report(result);
  };
  const waiting = checks.filter(isSlow).map(run);
  for (const check of checks.filter((one) => !isSlow(one))) await run(check);
  await Promise.all(waiting);
  await Promise.allSettled([...sessions.values()].map((session) => signOut(session)));
  return checks.flatMap((check) => results.filter((result) => result.check === check));
}

/** It waits for the server's own deadline; meanwhile the others can run. */
function isSlow({ id }: Check): boolean {
  return id === 'headers-slow-request';
}

async function runOne(check: Check, context: Context, deadline: number): Promise<Result> {
  const started = Date.now();
  const result = (status: Result['status'], observed: string): Result => ({
    check,
    status,
    observed,
    milliseconds: Date.now() - started,
  });
  const missing = unmet(check, context);
  if (missing) return result('skipped', missing);
  const left = deadline - started;
  if (left <= 0) return result('error', 'no time left');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CouldNotCheck('no time left')), left);
  });
  try {
    const { ok, observed } = await Promise.race([check.run(context), late]);
    return result(ok ? 'pass' : 'fail', observed);
  } catch (error) {
    return result('error', error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

function unmet({ needs = [] }: Check, { plain, internal, readOnly, behindEdge }: Context): string | null {
  if (needs.includes('plain') && !plain) return 'no --plain listener named';
  if (needs.includes('internal') && !internal) return 'no --internal listener named';
  if (needs.includes('writes') && readOnly) return 'would write or use a quota up; --read-only';
  if (needs.includes('direct') && behindEdge) return 'the edge answers this itself; --behind-edge';
  return null;
}

/** Signs a user of the role in. `other` is the second caseworker. */
async function signIn(options: Options, who: User['role'] | 'other'): Promise<Session> {
  const role = who === 'other' ? 'caseworker' : who;
  const user = options.users.filter((one) => one.role === role)[who === 'other' ? 1 : 0];
  if (!user) throw new CouldNotCheck(`the users file has no ${who === 'other' ? 'second caseworker' : role}`);
  const answer = await login(options, user.email, user.password);
  const body = parseJson(answer);
  if (answer.status !== 200 || typeof body?.accessToken !== 'string')
    throw new CouldNotCheck(
      answer.status === 429
        ? `login is limited; try again in ${answer.headers.get('retry-after') ?? '60'} s`
        : `the ${role} of the users file cannot sign in: ${answer.status}`,
    );
  const accessToken = body.accessToken;
  return {
    accessToken,
    refreshToken: String(body.refreshToken),
    send: (request: Request) =>
      send(options.target, {
        ...request,
        headers: { ...(request.headers as Record<string, string>), authorization: `Bearer ${accessToken}` },
      }),
  };
}

async function signOut(session: Promise<Session>): Promise<void> {
  const { send: sendAs, refreshToken } = await session;
  await sendAs({ method: 'POST', path: '/api/v1/auth/logout', body: JSON.stringify({ refreshToken }) });
}
