/**
 * An answer that is not a success, as RFC 9457 describes it. Thrown anywhere, rendered by the one error handler.
 */
export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param status HTTP status, 400 to 599
   * @param title short and the same for every occurrence of the type
   * @param init `detail` for this occurrence, `errors` field by field, extension members and response headers
   */
  constructor(status: number, title: string, init: ProblemInit = {}) {
    super(title);
    const { headers = {}, type = 'about:blank', ...members } = init;
    this.status = status;
    this.headers = headers;
    this.body = { type, title, status, ...members };
  }
}

/** One field that was refused and why. */
export interface FieldError {
  /** JSON pointer into the body, or the name of a query or path parameter. */
  readonly field: string;
  readonly message: string;
}

/** What a problem may say beside status and title. */
export interface ProblemInit {
  /** A URI of the problem's type; `about:blank` where the status says it all. */
  readonly type?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly [extension: string]: unknown;
}

/** The members of the JSON document; `instance` (the request's id) is added where it is rendered. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly instance?: string;
  readonly [member: string]: unknown;
}

/** Media type of every answer that is not a success. */
export const problemType = 'application/problem+json; charset=utf-8';

/** 401: the same answer for every fault of a token, so that a forger learns nothing. */
export const unauthorized = (): Problem =>
  new Problem(401, 'Unauthorized', {
    detail: 'A valid access token is needed: log in at POST /api/v1/auth/login',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  });

/** 503 with the seconds after which a retry makes sense. */
export const unavailable = (detail: string, retryAfterSeconds: number): Problem =>
  new Problem(503, 'Service Unavailable', {
    detail,
    headers: { 'retry-after': String(retryAfterSeconds) },
  });

/** 400 with every refused field. */
export const badRequest = (errors: readonly FieldError[]): Problem =>
  new Problem(400, 'Bad Request', { detail: 'The request does not match the schema', errors });
