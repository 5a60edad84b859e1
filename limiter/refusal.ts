import type { Decision } from './decision.ts';
import { retryAfterSeconds } from './headers.ts';

const problemTypes = 'https://iana.org/assignments/http-problem-types';

/** The answer to a refused request: 429 with a wait that is enough, or 503 when the store could not decide. */
export class RateLimitRefusal extends Error {
  readonly statusCode: 429 | 503;
  /** `Retry-After`, in seconds. */
  readonly headers: Readonly<Record<string, string>>;
  /** Members of a problem document (RFC 9457) with the types of the IETF draft. */
  readonly problem: Readonly<Record<string, unknown>>;

  /** @param minSeconds a wait that something else demands, such as a backoff; the longer one counts */
  constructor(decision: Decision, minSeconds = 0) {
    const isDenied = decision.outcome === 'deny';
    const title = isDenied ? 'Rate limit exceeded' : 'Temporarily reduced capacity';
    super(title);
    const seconds = Math.max(minSeconds, retryAfterSeconds(decision));
    this.statusCode = isDenied ? 429 : 503;
    this.headers = { 'retry-after': String(seconds) };
    this.problem = {
      type: `${problemTypes}#${isDenied ? 'quota-exceeded' : 'temporary-reduced-capacity'}`,
      title,
      status: this.statusCode,
      detail: isDenied
        ? `Retry in ${seconds} s`
        : 'This operation cannot be limited at the moment, and is not served without a limit',
      'violated-policies': isDenied ? decision.violated : decision.rules.map(({ policy }) => policy),
      ...(isDenied ? { retryAfterMs: Math.max(minSeconds * 1_000, Math.ceil(decision.retryAfterMs)) } : {}),
    };
  }
}
