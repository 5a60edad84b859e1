import { type Command, CommanderError } from 'commander';

/**
 * Runs a command line and returns the exit code: 0 holds, 1 does not hold, 2 could not check or wrong usage, 78 bad
 * settings. An error's own `exitCode` wins; any other error is 2. Users get one message and no stack trace, unless
 * DEBUG=simple378 asks for it.
 */
export async function run(program: Command, args: readonly string[]): Promise<number> {
  let running = program;
  program.hook('preAction', (_, command) => {
    running = command;
  });
  for (const command of all(program)) setUp(command);
  process.exitCode = 0;
  try {
    await program.parseAsync(wanted(program, args), { from: 'user' });
    return Number(process.exitCode);
  } catch (error) {
    // Commander has printed its message, or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(running, error);
  }
}

/** Prints an error in one message. @returns the exit code */
function report(command: Command, error: unknown): number {
  const { message, exitCode, stack } = (
    error instanceof Error ? error : { message: String(error) }
  ) as Error & { exitCode?: number };
  console.error(process.env.DEBUG === 'simple378' && stack ? stack : `${nameOf(command)}: ${message}`);
  return exitCode ?? 2;
}

function setUp(command: Command): void {
  command.exitOverride();
  command.showHelpAfterError(false);
  command.configureOutput({
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, '')
        .trim()
        .replace(/\n\((Did you mean [^)]*)\)$/, (_, hint: string) => `; ${hint.replace('Did', 'did')}`)
        .replace(/\s*\n\s*/g, '; ');
      write(`${nameOf(command)}: ${line} (${nameOf(command)} --help shows the usage)\n`);
    },
  });
}

/** A group without a command gets the group's help, and so does `help group`. */
function wanted(program: Command, args: readonly string[]): string[] {
  const [first, ...rest] = args;
  if (first === undefined) return ['--help'];
  const group = program.commands.find((command) => command.name() === first);
  if (group !== undefined && group.commands.length > 0 && rest.length === 0) {
    const names = group.commands.map((command) => command.name()).join(', ');
    program.error(`${first} needs one of its commands: ${names}`);
  }
  return [...args];
}

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

/** The name of a command as a user types it: `simple378 env render`. */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
