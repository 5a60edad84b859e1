/** A part of a document that is written from data, between two comments. */
export interface Section {
  readonly file: string;
  readonly name: string;
  readonly content: (root: string) => string;
}

/** Returns the text with one section written anew. @throws Error when its comments are not there */
export function replaced(text: string, name: string, content: string): string {
  const start = `<!-- generated: ${name}; npm run generate -->`;
  const end = `<!-- end of ${name} -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`there is no section ${name}: ${start} … ${end}`);
  return `${text.slice(0, from)}${start}\n\n${content}\n\n${text.slice(to)}`;
}

/** A Markdown table. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
