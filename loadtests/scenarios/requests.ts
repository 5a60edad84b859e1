import type { LabelsOf } from '../../contract/metrics.ts';
import type { RouteClass } from '../../contract/policies.ts';

/** The label by which the service counts a case operation; load tests tag their requests with the same. */
export type CaseOperation = LabelsOf<'case_operations_total'>['operation'];

/** Tags of a request: labels of the metric catalogue, with values of their domains. */
export type Tags = Pick<LabelsOf<'http_requests_total'>, 'route'> &
  Partial<Pick<LabelsOf<'case_operations_total'>, 'operation'>>;

/** One request, without target, token and transport: k6 and autocannon both send it. */
export interface Request {
  readonly method: LabelsOf<'http_requests_total'>['method'];
  readonly path: string;
  /** Route template, as in `http_requests_total`. */
  readonly route: string;
  readonly routeClass: RouteClass;
  readonly operation?: CaseOperation;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The status of success. */
  readonly success: number;
}

/** A case that a load user made and may read, change and delete. */
export interface OwnCase {
  readonly id: string;
  readonly version: number;
}

const cases = '/api/v1/cases';
const one = '/api/v1/cases/:id';

/** Every request that the scenarios send, by name. */
export const requests = {
  login: (email: string, password: string): Request => ({
    method: 'POST',
    path: '/api/v1/auth/login',
    route: '/api/v1/auth/login',
    routeClass: 'login',
    body: { email, password },
    success: 200,
  }),
  refresh: (refreshToken: string): Request => ({
    method: 'POST',
    path: '/api/v1/auth/refresh',
    route: '/api/v1/auth/refresh',
    routeClass: 'anonymous',
    body: { refreshToken },
    success: 200,
  }),
  keys: (): Request => ({
    method: 'GET',
    path: '/.well-known/jwks.json',
    route: '/.well-known/jwks.json',
    routeClass: 'anonymous',
    success: 200,
  }),
  create: (title: string): Request => ({
    method: 'POST',
    path: cases,
    route: cases,
    routeClass: 'default',
    operation: 'create',
    body: { title, description: 'Written by a load test.' },
    success: 201,
  }),
  list: (): Request => ({
    method: 'GET',
    path: cases,
    route: cases,
    routeClass: 'default',
    operation: 'list',
    success: 200,
  }),
  read: ({ id }: OwnCase): Request => ({
    method: 'GET',
    path: `${cases}/${id}`,
    route: one,
    routeClass: 'default',
    operation: 'read',
    success: 200,
  }),
  update: ({ id, version }: OwnCase, title: string): Request => ({
    method: 'PATCH',
    path: `${cases}/${id}`,
    route: one,
    routeClass: 'default',
    operation: 'update',
    body: { title },
    headers: { 'if-match': `"${version}"` },
    success: 200,
  }),
  delete: ({ id, version }: OwnCase): Request => ({
    method: 'DELETE',
    path: `${cases}/${id}`,
    route: one,
    routeClass: 'default',
    operation: 'delete',
    headers: { 'if-match': `"${version}"` },
    success: 204,
  }),
  search: (text: string): Request => ({
    method: 'POST',
    path: `${cases}/search`,
    route: `${cases}/search`,
    routeClass: 'intensive',
    operation: 'search',
    body: { text },
    success: 200,
  }),
  export: (): Request => ({
    method: 'GET',
    path: `${cases}/export`,
    route: `${cases}/export`,
    routeClass: 'intensive',
    operation: 'export',
    success: 200,
  }),
  /** @param caseId 22 characters of base64url, chosen by the client */
  sync: (operationId: string, caseId: string, title: string): Request => ({
    method: 'POST',
    path: '/api/v1/sync',
    route: '/api/v1/sync',
    routeClass: 'intensive',
    operation: 'sync',
    body: { operations: [{ operationId, caseId, kind: 'create', title }], remaining: 0 },
    success: 200,
  }),
} as const;

/** The labels by which the service counts a request, for the tags of k6: what has no operation has no such tag. */
export function tagsOf({ route, operation }: Request): Tags {
  return { route, ...(operation !== undefined && { operation }) };
}

/** The id of a load test's n-th offline case, of the form that the service asks for. */
export function offlineCaseId(seed: string, user: number, n: number): string {
  return `${seed}-${user}-${n}`.padEnd(22, '_').slice(0, 22);
}

/** What is sent to put the policies of a class to the test. A login is not among them: it needs an account. */
export const probeRequests: Readonly<Partial<Record<RouteClass, () => Request>>> = {
  default: requests.list,
  intensive: () => requests.search('case'),
  anonymous: requests.keys,
};
