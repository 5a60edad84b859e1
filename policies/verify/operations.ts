import { randomUUID } from 'node:crypto';
import type { Operation, User } from './check.ts';
import { CouldNotCheck, type Request } from './client.ts';

/** The roles of the case service. */
export const roles = ['reader', 'caseworker', 'admin'] as const;

/** `METHOD path` of an operation. */
export function title({ method, path }: Operation): string {
  return `${method} ${path}`;
}

/** Returns true for the operations of the case service itself, whose access the checklist knows. */
export function isOwnApi(operations: readonly Operation[]): boolean {
  return operations.some((one) => title(one) === 'POST /api/v1/cases');
}

/** A request that is allowed or refused for its sender alone, and changes nothing when it is allowed. */
export function harmless(operation: Operation): Request {
  const path = withConcreteIds(operation.path);
  if (operation.method === 'GET' || operation.method === 'HEAD') return { method: operation.method, path };
  if (!operation.body) return { method: operation.method, path, headers: { 'if-match': '"0"' } };
  // The service takes no body of this type: an allowed sender is answered 400 or 415.
  return { method: operation.method, path, headers: { 'content-type': 'application/x-nothing' }, body: 'x' };
}

/** The path with a random id, which does not exist, for each template. */
export function withConcreteIds(path: string): string {
  return path.replaceAll(/\{[^}]+\}/g, randomUUID());
}

/** Operations of an OpenAPI document; `x-access` names the roles, else `security` decides. */
export function operationsOf(document: unknown): readonly Operation[] {
  const { paths = {}, security } = document as {
    paths?: Record<string, Record<string, OpenApiOperation>>;
    security?: readonly unknown[];
  };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => /^(get|put|post|delete|patch|head)$/.test(method))
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        access: accessOf(operation, security),
        body: operation.requestBody !== undefined,
      })),
  );
}

interface OpenApiOperation {
  readonly requestBody?: unknown;
  readonly security?: readonly unknown[];
  readonly 'x-access'?: 'public' | readonly string[];
}

function accessOf(
  operation: OpenApiOperation,
  inherited: readonly unknown[] | undefined,
): Operation['access'] {
  const declared = operation['x-access'];
  if (declared !== undefined) return declared;
  return (operation.security ?? inherited ?? []).length === 0 ? 'public' : roles;
}

/** Users of the file, validated. */
export function parseUsers(text: string): readonly User[] {
  const value = JSON.parse(text) as unknown;
  const isUser = (one: Partial<User>): boolean =>
    typeof one.email === 'string' && typeof one.password === 'string' && roles.includes(one.role as never);
  if (!Array.isArray(value) || value.length === 0 || !value.every(isUser))
    throw new CouldNotCheck(
      'the users file is no JSON list of {email, password, role: reader|caseworker|admin}',
    );
  return value as User[];
}
