/** JSON with whatever fits on a line of 240 characters on one line: a reviewer reads a query or a panel's options at once. */
export function readableJson(value: unknown, indent = 0): string {
  const inline = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || inline.length + indent <= 240) return inline;
  const pad = ' '.repeat(indent + 1);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const entries = Array.isArray(value)
    ? value.map((item) => readableJson(item, indent + 1))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}: ${readableJson(item, indent + 1)}`);
  return `${open}\n${entries.map((entry) => `${pad}${entry}`).join(',\n')}\n${' '.repeat(indent)}${close}`;
}
