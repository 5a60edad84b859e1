/** A step of a walk-through: an edit that a comment before a code block describes. */
export type Edit =
  | { readonly kind: 'file'; readonly file: string; readonly code: string }
  | {
      readonly kind: 'after' | 'before' | 'instead of';
      readonly file: string;
      /** The line it is placed by, without its indentation. */
      readonly line: string;
      readonly code: string;
    };

const step =
  /<!-- (?:file: (\S+)|in: (\S+), (after|before|instead of): (.+?)) -->\n(`{3,})\w*\n([\s\S]*?)\n\5(?:\n|$)/g;

/** The edits of a document, in order. */
export function editsOf(text: string): Edit[] {
  return [...text.matchAll(step)].map(([, created, file = '', kind, line = '', , code = '']) =>
    created === undefined
      ? { kind: kind as 'after', file, line, code }
      : { kind: 'file', file: created, code },
  );
}

/** A file's text after an edit. @throws Error when the line it is placed by is not there */
export function edited(text: string, edit: Exclude<Edit, { kind: 'file' }>): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.trim() === edit.line);
  if (at === -1) throw new Error(`${edit.file} has no line: ${edit.line}`);
  const from = edit.kind === 'after' ? at + 1 : at;
  return lines.toSpliced(from, edit.kind === 'instead of' ? 1 : 0, ...edit.code.split('\n')).join('\n');
}
