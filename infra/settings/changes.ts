/** `KEY=VALUE` pairs of the command line as changes of settings by key path; a value is read as JSON, else as text. */
export function changesOf(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, value] = keyAndValue(pair);
      return [key, typedValue(value)];
    }),
  );
}

/** Splits `KEY=VALUE`. @throws Error when there is no key or no equals sign */
export function keyAndValue(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`${pair}: expected KEY=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function typedValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
