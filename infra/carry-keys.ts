import { dataKeysOf } from './data-keys.ts';
import { pulumi } from './pulumi.ts';

const help = `Usage: npx simple378 env carry-keys <from> <to>

Takes the data keys of one Pulumi stack along to another, so that a copy of Redis can be read there: each becomes the
encrypted configuration value data-key-<generation> of the second, which "pulumi up" takes instead of making a key.
The second stack must exist (pulumi stack init), and must not be up yet: a key that is in use would be lost.

Exit codes: 0 done, 2 it could not, or wrong usage.`;

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`carry-keys: ${(error as Error).message}`);
  process.exitCode = 2;
}

function main(args: readonly string[]): void {
  if (args.includes('--help')) {
    console.log(help);
    return;
  }
  const [from, to, ...more] = args;
  if (!from || !to || from === to || more.length > 0) throw new Error('name two stacks; --help shows how');
  const keys = dataKeysOf(stateOf(from), configurationOf(from));
  if (keys.size === 0)
    throw new Error(`${from} has no data keys: is it up, and is its secrets.source "config"?`);
  if (dataKeysOf(stateOf(to), {}).size > 0)
    throw new Error(
      `${to} has made keys of its own: what they encrypt would be lost; take a stack that is new`,
    );
  for (const [name, value] of keys) {
    // By standard input: an argument would be seen by everybody on this machine.
    pulumi(['config', 'set', '--secret', '--stack', to, `simple378:${name}`], value);
    console.log(`carry-keys: ${name} of ${from} is in the configuration of ${to}, encrypted`);
  }
}

function stateOf(stack: string): unknown {
  return JSON.parse(pulumi(['stack', 'export', '--show-secrets', '--stack', stack]));
}

function configurationOf(stack: string): unknown {
  return JSON.parse(pulumi(['config', '--show-secrets', '--json', '--stack', stack]));
}
