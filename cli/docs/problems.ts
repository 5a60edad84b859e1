import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { anchors, type Block, blocks, links, npmScripts } from './markdown.ts';

/** Something wrong in a document. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Folders whose commands are never run by a test, and why. */
const unrunnable: Readonly<Record<string, string>> = {
  'docs/runbooks': 'they are for a system in trouble; `npm run test:alerts` makes the trouble',
};

/** The documents of the repository. */
export function documents(root: string): string[] {
  return [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].sort();
}

/** The command blocks of a document, those of an unrunnable folder marked as such. */
export function blocksOf(root: string, file: string): Block[] {
  const because = Object.entries(unrunnable).find(([folder]) => file.startsWith(`${folder}/`))?.[1];
  return blocks(readFileSync(join(root, file), 'utf8')).map((block) =>
    block.mark === null && because !== undefined ? { ...block, mark: { kind: 'not run', because } } : block,
  );
}

/** Unmarked command blocks, dead links and anchors, and npm scripts that do not exist. */
export function problemsOf(root: string, file: string): Problem[] {
  const text = readFileSync(join(root, file), 'utf8');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const unmarked = blocksOf(root, file)
    .filter(({ mark }) => mark === null)
    .map(({ line }) => ({
      file,
      line,
      text: 'commands without a mark: <!-- run -->, <!-- run: stack --> or <!-- not run: why --> before them',
    }));
  const unknown = npmScripts(text)
    .filter((name) => scripts[name] === undefined)
    .map((name) => ({ file, line: lineOf(text, name), text: `there is no npm script ${name}` }));
  const dead = links(text).flatMap(({ line, path, anchor }) => {
    const problem = deadLink(root, file, path, anchor);
    return problem === null ? [] : [{ file, line, text: problem }];
  });
  return [...unmarked, ...unknown, ...dead];
}

function deadLink(root: string, file: string, path: string, anchor: string | null): string | null {
  const target = path === '' ? file : normalize(join(dirname(file), path));
  if (target.startsWith('..')) return `${path} leaves the repository`;
  if (!existsSync(join(root, target))) return `${path} does not exist`;
  if (anchor === null || !target.endsWith('.md') || statSync(join(root, target)).isDirectory()) return null;
  const known = anchors(readFileSync(join(root, target), 'utf8'));
  return known.has(anchor) ? null : `${target} has no heading #${anchor}`;
}

function lineOf(text: string, name: string): number {
  return text.slice(0, text.indexOf(name)).split('\n').length;
}
