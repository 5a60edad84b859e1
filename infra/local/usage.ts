/**
 * Handles the arguments of a command without options: prints the help for --help, refuses anything else.
 * @returns the exit code to end with, or `undefined` to go on
 */
export function usage(name: string, help: string): number | undefined {
  const [first] = process.argv.slice(2);
  if (first === undefined) return undefined;
  if (first === '--help') {
    console.log(help);
    return 0;
  }
  console.error(`npm run ${name}: there is no option ${JSON.stringify(first)}\n\n${help}`);
  return 2;
}
