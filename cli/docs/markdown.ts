/** The parts of a Markdown file that can be wrong: its command blocks, its links and its headings. */

/** A fenced block of commands. */
export interface Block {
  /** Line of its first fence, from 1. */
  readonly line: number;
  readonly code: string;
  /** What the comment before it says: to run, to run with the stack up, or why not. */
  readonly mark: Mark | null;
}

/** How a block is tested. */
export type Mark =
  | { readonly kind: 'run' }
  | { readonly kind: 'stack' }
  | { readonly kind: 'not run'; readonly because: string };

/** A link to something in this repository. */
export interface Link {
  readonly line: number;
  /** Path relative to the file; empty for an anchor of its own. */
  readonly path: string;
  readonly anchor: string | null;
}

const languages = ['sh', 'bash', 'shell', 'console'];

/** The command blocks of a text. A mark is a comment on the line before: `<!-- run -->`, `<!-- run: stack -->`, `<!-- not run: why -->`. */
export function blocks(text: string): Block[] {
  const lines = text.split('\n');
  return fences(lines)
    .filter(({ language }) => languages.includes(language))
    .map(({ from, to }) => ({
      line: from + 1,
      code: lines.slice(from + 1, to).join('\n'),
      mark: markOf(lines.slice(0, from).findLast((line) => line.trim() !== '') ?? ''),
    }));
}

/** The links of a text that stay in the repository, code left out. */
export function links(text: string): Link[] {
  return withoutCode(text).flatMap((content, i) =>
    [...content.matchAll(/\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?:src|srcset|href)="([^"]+)"/g)]
      .map(([, markdown, html]) => markdown ?? html ?? '')
      .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
      .map((target) => {
        const [path = '', anchor] = target.split('#');
        return { line: i + 1, path: decodeURI(path), anchor: anchor ?? null };
      }),
  );
}

/** The anchors of a text's headings, as GitHub makes them, and of its HTML ids. */
export function anchors(text: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const content of withoutCode(text)) {
    for (const [, id] of content.matchAll(/<[a-z]+ [^>]*(?:id|name)="([^"]+)"/g)) if (id) found.add(id);
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(content)?.[1];
    if (heading === undefined) continue;
    const base = slug(heading);
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    found.add(count === 0 ? base : `${base}-${count}`);
  }
  return found;
}

/** npm scripts that a text tells people to run, in blocks and in `code`. */
export function npmScripts(text: string): string[] {
  const run = [...text.matchAll(/npm run (?:-s |--silent )?([a-z][a-z0-9:-]*)/g)].map(
    ([, name]) => name ?? '',
  );
  const direct = [...text.matchAll(/npm (start|test|stop)\b/g)].map(([, name]) => name ?? '');
  return [...new Set([...run, ...direct])];
}

function markOf(line: string): Mark | null {
  const comment = /^<!--\s*(.*?)\s*-->$/.exec(line.trim())?.[1];
  if (comment === 'run') return { kind: 'run' };
  if (comment === 'run: stack') return { kind: 'stack' };
  const because = comment === undefined ? undefined : /^not run:\s*(.+)$/.exec(comment)?.[1];
  return because === undefined ? null : { kind: 'not run', because };
}

function slug(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<[^>]+>/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** Lines with fenced and inline code blanked, so that line numbers stay; headings keep the words of theirs. */
function withoutCode(text: string): string[] {
  const lines = text.split('\n');
  const inside = fences(lines);
  return lines.map((content, i) => {
    if (inside.some(({ from, to }) => i >= from && i <= to)) return '';
    return content.startsWith('#') ? content : content.replace(/`[^`]*`/g, '');
  });
}

function fences(lines: readonly string[]): { from: number; to: number; language: string }[] {
  const found: { from: number; to: number; language: string }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = /^\s*(`{3,}|~{3,})\s*([\w-]*)/.exec(lines[i] ?? '');
    if (open === null) continue;
    const rest = lines.slice(i + 1).findIndex((line) => line.trim().startsWith(open[1] ?? ''));
    const to = rest === -1 ? lines.length : i + 1 + rest;
    found.push({ from: i, to, language: open[2] ?? '' });
    i = to;
  }
  return found;
}
