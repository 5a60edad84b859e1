import type { MayBeUnknown, Resource } from './rule.ts';

/**
 * Unknown and secret values, as Pulumi sends them. The sentinels are part of Pulumi's wire protocol
 * (pulumi/sdk/nodejs/runtime/rpc.ts, pulumi-policy/proxy.ts); they are the same under mocks and in the pack.
 */
const sentinels: ReadonlySet<unknown> = new Set([
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);

/** What an unknown string looks like; for fixtures. */
export const unknownString = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';

/** A rule read a value that is not known yet, and did not list its path in `mayBeUnknown`. */
export class UnknownValue extends Error {
  readonly path: string;
  readonly resource: Resource;
  constructor(path: string, resource: Resource) {
    super(`${path} is not known before the deployment, so the rule cannot hold`);
    this.path = path;
    this.resource = resource;
  }
}

/** True for a value that Pulumi will only know later. */
export function isUnknown(value: unknown): boolean {
  return sentinels.has(value);
}

/**
 * The resource with secrets unwrapped and every read of an unknown value refused.
 * Pulumi's own proxy downgrades a rule that meets an unknown to a note (pulumi/pulumi-policy#258); here it is a
 * violation, save at the paths the rule names, where the sentinel itself is returned.
 */
export function guarded(resource: Resource, mayBeUnknown: readonly MayBeUnknown[] = []): Resource {
  const allowed = mayBeUnknown.map(({ path }) => pathPattern(path));
  const view = (value: unknown, path: readonly string[]): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    return new Proxy(value, {
      get: (target, key) => {
        const field: unknown = unwrapSecret(Reflect.get(target, key));
        if (typeof key === 'symbol' || typeof field === 'function') return field;
        const below = [...path, key];
        if (isUnknown(field) && !allowed.some((pattern) => pattern.test(below.join('.'))))
          throw new UnknownValue(below.join('.'), resource);
        return view(field, below);
      },
    });
  };
  return { ...resource, props: view(unwrapSecret(resource.props), []) as Resource['props'] };
}

function unwrapSecret(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const wrapped = value as { [signatureKey]?: unknown; value?: unknown };
  return wrapped[signatureKey] === secretSignature ? unwrapSecret(wrapped.value) : value;
}

function pathPattern(path: string): RegExp {
  const segments = path.split('.').map((part) => (part === '*' ? '.+?' : escapeRegExp(part)));
  return new RegExp(`^${segments.join('\\.')}$`);
}

/** Makes a text match itself in a regular expression. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
