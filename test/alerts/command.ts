import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** The frame of this room's commands: `--help`, unknown options, and what went wrong in one line. */

/** Something that the command needs is missing: exit 2. */
export class CouldNotCheck extends Error {}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O; args: string[] }>>['values'];

/** Who runs a command: its arguments, and where its lines go. */
export interface Caller {
  readonly args: readonly string[];
  readonly print: (line: string) => void;
}
/** The shell. */
export const shell: Caller = { args: process.argv.slice(2), print: (line) => console.log(line) };

/** Runs a command; returns its exit code: 0 holds, 1 does not, 2 could not check or wrong usage. */
export async function command<const O extends Options>(
  { args, print }: Caller,
  { name, help, options }: { readonly name: string; readonly help: string; readonly options: O },
  body: (values: Values<O>) => number | Promise<number>,
): Promise<number> {
  if (args.includes('--help')) {
    print(help);
    return 0;
  }
  let values: Values<O>;
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    print(`${name}: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  try {
    return await body(values);
  } catch (error) {
    print(`${name}: ${(error as Error).message}`);
    return 2;
  }
}

/** A file that follows from code. */
export interface Generated {
  readonly file: URL;
  /** As messages name it. */
  readonly path: string;
  readonly text: string;
}

/** A generator: writes what is not current, or with `--check` says so and gives 1. */
export function generator(caller: Caller, name: string, does: string, outputs: () => readonly Generated[]) {
  const help = `npm run ${name} [-- --check]\n\n${does}\n\n  --check   write nothing; exit 1 when a file is not current\n  --help    this text\n`;
  return command(
    caller,
    { name, help, options: { check: { type: 'boolean', default: false } } },
    ({ check }) => {
      const stale = outputs().filter(
        ({ file, text }) => !existsSync(file) || readFileSync(file, 'utf8') !== text,
      );
      for (const { file, path, text } of stale) {
        if (!check) writeFileSync(file, text);
        caller.print(check ? `${path} is not current: npm run ${name}` : `wrote ${path}`);
      }
      return check && stale.length > 0 ? 1 : 0;
    },
  );
}
