import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { evaluate } from '../../infra/evaluate.ts';
import { controls } from '../controls.ts';
import { compliantStack } from '../fixtures/stack.ts';
import { manifestMutants } from './manifests.ts';
import { runningMutants, verifyUnbroken } from './runner.ts';
import { patchMutants } from './source.ts';
import type { Mutant, Verdict } from './types.ts';
import { startVictim } from './victim.ts';

const help = `Breaks every control of the checklist on purpose, and sees that something turns red.

usage: npx simple378 verify security-mutants [[--only TEXT] [--list]]

  --only TEXT   mutants whose name holds the text, or of that control (HDR-1)
  --list        name the mutants and stop
  --help

exit code: 0 all are killed and no control is left out, 1 one survived or a control has none, 2 could not run
`;

/** The command: prints survivors and the kill rate, returns its exit code. */
export async function main(argv: readonly string[], print: (text: string) => void): Promise<number> {
  const options = { only: { type: 'string' }, list: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      print(help);
      return 0;
    }
    return await run(values.only ?? '', values.list === true, print);
  } catch (error) {
    print(
      `mutants:security: ${error instanceof Error ? error.message : String(error)}; --help shows the usage`,
    );
    return 2;
  }
}

async function run(only: string, list: boolean, print: (text: string) => void): Promise<number> {
  const { resources } = await evaluate('prod', { preview: true });
  const meant = ({ name, control }: Mutant): boolean => name.includes(only) || control === only;
  const still = [...manifestMutants(resources, compliantStack()), ...patchMutants()];
  const verdicts: Verdict[] = [];
  const judgeAll = async (mutants: readonly Mutant[]): Promise<void> => {
    for (const mutant of mutants.filter(meant)) {
      if (list) print(`${mutant.control.padEnd(6)} ${mutant.name}`);
      else verdicts.push(await judge(mutant, print));
    }
  };
  // Before the service starts: these keep the process too busy for it to answer in time.
  await judgeAll(still);
  const victim = await startVictim();
  try {
    const running = runningMutants(victim);
    const red = only === '' && !list ? await verifyUnbroken(victim) : [];
    for (const line of red) print(`NOT GREEN UNBROKEN ${line}`);
    await judgeAll(running);
    if (list) return 0;
    if (verdicts.length === 0) throw new Error(`no mutant is named ${only}`);
    const killed = verdicts.filter(({ killedBy }) => killedBy !== null).length;
    const untried = only === '' ? controlsWithout([...still, ...running]) : [];
    for (const id of untried) print(`CONTROL WITHOUT MUTANT ${id}`);
    print(`${killed}/${verdicts.length} mutants killed (${((100 * killed) / verdicts.length).toFixed(1)} %)`);
    return killed === verdicts.length && untried.length === 0 && red.length === 0 ? 0 : 1;
  } finally {
    await victim.stop();
  }
}

/** Tries one. One that could not be tried is not killed: nobody has seen its control hold. */
export async function judge(mutant: Mutant, print: (text: string) => void): Promise<Verdict> {
  const killedBy = await mutant.kill().catch((error: unknown) => {
    print(`ERROR    ${mutant.name}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  });
  print(
    killedBy === null
      ? `SURVIVED ${mutant.control} ${mutant.name}`
      : `killed   ${mutant.control} ${mutant.name} ← ${killedBy.slice(0, 120)}`,
  );
  return { mutant, killedBy };
}

/** Controls that claim to be proven and that nobody tried to break. */
export function controlsWithout(mutants: readonly Mutant[]): readonly string[] {
  const tried = new Set(mutants.map(({ control }) => control));
  return controls.filter(({ id, holder }) => holder === 'proven' && !tried.has(id)).map(({ id }) => id);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exit(
    await main(process.argv.slice(2), (text) => {
      process.stdout.write(`${text}\n`);
    }),
  );
