/** The frame of every command here: usage on request, one line on trouble, the exit code of the convention. */

/** Wrong usage, or something a command needs is missing: exit 2. */
export class CouldNotCheck extends Error {}

/**
 * Runs a command and sets the process's exit code: 0 holds, 1 does not, 2 could not check or wrong usage.
 * @param name for messages
 * @param usage what `--help` prints
 * @param body gets the arguments, returns the exit code
 */
export async function command(
  name: string,
  usage: string,
  body: (args: string[]) => number | Promise<number>,
): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return;
  }
  try {
    process.exitCode = await body(args);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  }
}

/** For commands without options. @throws CouldNotCheck when there are some */
export function noArguments(args: readonly string[]): void {
  if (args.length > 0) throw new CouldNotCheck(`${args.join(' ')}: it takes no options`);
}
