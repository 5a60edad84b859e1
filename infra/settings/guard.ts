/** Thrown where a rule reads a value that is wrong by itself. */
class ReadsWrong extends Error {}

/** The key of a value inside another as people write it: `app.users[0].role`. */
export function keyOf(parent: string, part: string): string {
  if (/^\d+$/.test(part)) return `${parent}[${part}]`;
  return parent === '' ? part : `${parent}.${part}`;
}

/**
 * What a rule finds, or nothing where it reads what is wrong by itself and said already.
 * @param wrong keys of the wrong values
 */
export function judged<T extends object>(
  rule: (value: T) => readonly string[],
  value: T,
  wrong: ReadonlySet<string>,
): readonly string[] {
  try {
    return rule(guarded(value, wrong, ''));
  } catch (error) {
    if (error instanceof ReadsWrong) return [];
    throw error;
  }
}

function guarded<T extends object>(value: T, wrong: ReadonlySet<string>, key: string): T {
  return new Proxy(value, {
    get(target, part) {
      const found: unknown = Reflect.get(target, part);
      if (typeof part === 'symbol') return found;
      const at = keyOf(key, part);
      if (wrong.has(at)) throw new ReadsWrong();
      return typeof found === 'object' && found !== null ? guarded(found, wrong, at) : found;
    },
  });
}
