import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { spawn, spawnSync } from '../../infra/programs/child-process.ts';
import { blocks } from './markdown.ts';
import { type Edit, edited, editsOf } from './steps.ts';

/** A copy of the repository on which the steps of a document were followed. */
export interface Copy {
  readonly folder: string;
  readonly edits: readonly Edit[];
  /** Runs a script of the copy, or a program of its packages, by this Node.js. @throws Error with its output when it fails */
  run(...args: string[]): Promise<void>;
  /** Runs the commands that the document shows, in order. @returns the names of the npm scripts */
  commands(): Promise<readonly string[]>;
  remove(): void;
}

/** Copies what git knows or would take, links the packages, and makes the edits of the document. */
export function follow(root: string, document: string): Copy {
  const guide = readFileSync(join(root, document), 'utf8');
  const edits = editsOf(guide);
  const folder = mkdtempSync(join(tmpdir(), 'walkthrough-'));
  for (const file of filesOf(root)) cpSync(join(root, file), join(folder, file));
  for (const modules of ['node_modules', 'app/node_modules', 'policies/node_modules']) {
    if (existsSync(join(root, modules))) symlinkSync(join(root, modules), join(folder, modules));
  }
  for (const edit of edits) {
    const path = join(folder, edit.file);
    writeFileSync(path, edit.kind === 'file' ? `${edit.code}\n` : edited(readFileSync(path, 'utf8'), edit));
  }
  const run: Copy['run'] = async (...args) => {
    const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, FORCE_COLOR: '0' } });
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${out}${errors}`);
  };
  return {
    folder,
    edits,
    run,
    async commands() {
      const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        scripts: Record<string, string>;
      };
      const shown = blocks(guide).flatMap(({ code }) => code.split('\n').map(scriptOf));
      // By Node.js itself: npm would run `setup` first, which must not install into the packages that are linked here.
      for (const { name, args } of shown)
        await run(
          ...(scripts[name] === undefined ? ['cli/main.ts', name] : programOf(name, scripts[name])),
          ...args,
        );
      return shown.map(({ name }) => name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function filesOf(root: string): string[] {
  const { stdout } = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  // A file that was deleted and not committed yet is still listed.
  return stdout.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
}

/** The npm script of a line, and its arguments. @throws Error for a line that is no `npm run` */
function scriptOf(line: string): { name: string; args: string[] } {
  const [npm, run, name = '', ...rest] = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) =>
    word.replaceAll('"', ''),
  );
  if (npm === 'npx' && run === 'simple378') return { name, args: rest };
  if (npm !== 'npm' || run !== 'run') throw new Error(`${line}: is no npm run`);
  return { name, args: rest.filter((word) => word !== '--') };
}

function programOf(name: string, script = ''): string[] {
  const [program, ...args] = script.split(' ');
  if (program !== 'node') throw new Error(`${name}: is no script that node runs`);
  return args;
}
