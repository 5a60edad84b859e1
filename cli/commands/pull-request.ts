import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { defaultPolicies } from '../../contract/policies.ts';
import { howToGet } from '../../infra/programs/catalogue.ts';
import { findProgram } from '../../infra/programs/find.ts';
import { longestWaitSeconds } from '../../loadtests/scenarios/admissions.ts';
import { exits } from '../frame/command.ts';
import { isStackRunning, withStack } from '../frame/local-stack.ts';
import { runCommand, runProgram } from '../frame/process.ts';
import { conclude, outcomeOf, type ReportFiles, type Verdict, withReports } from '../frame/verdict.ts';

/** A gate: its name and how to run it. */
type Gate = readonly [name: string, run: () => Promise<number>];

const gates: readonly Gate[] = [
  ['lint, types, imports, links, generated files', () => runCommand('verify', 'check')],
  ['tests and their coverage', () => runCommand('verify', 'test', '--coverage')],
  ['policies over every environment', () => runCommand('verify', 'policies')],
  ['workflows: actionlint', () => linter('actionlint')],
  ['workflows: zizmor', () => linter('zizmor', '--offline', '--quiet', '.github')],
];

/** Gates that need the stack; the security checklist comes last because it uses up every login of this address. */
const stackGates: readonly Gate[] = [
  ['the main job on a running stack', () => runCommand('stack', 'start', '--smoke')],
  ['pictures of the dashboards and the security checklist', () => onRunningStack()],
];

/** `verify pull-request` */
export const pullRequest = (): Command =>
  withReports(
    new Command('pull-request')
      .description('run the gates of a pull request one after the other, and print how each ended')
      .option('--quick', 'leave out the gates that need a running stack', false),
  ).action(
    exits(async ({ quick, ...files }: ReportFiles & { quick: boolean }) => {
      const verdicts: Verdict[] = [];
      for (const [name, run] of [...gates, ...(quick ? [] : stackGates)]) {
        console.log(`\n== ${name}`);
        const started = performance.now();
        const code = await run();
        const optional = name.startsWith('workflows');
        verdicts.push({
          name,
          outcome: outcomeOf(code, optional),
          seconds: (performance.now() - started) / 1_000,
        });
      }
      console.log('');
      for (const { name, outcome, seconds = 0 } of verdicts)
        console.log(`${outcome.padEnd(16)}${`${seconds.toFixed(1)} s`.padStart(9)}  ${name}`);
      return conclude('pull-request', verdicts, files);
    }),
  );

async function onRunningStack(): Promise<number> {
  const run = async () => {
    const pictures = await runCommand('stack', 'preview');
    // Traffic of the smoke test counts against the limits of this address for as long as the longest window.
    await setTimeout(Math.ceil(Math.max(...defaultPolicies.map(longestWaitSeconds))) * 1_000);
    return Math.max(pictures, await runCommand('verify', 'security'));
  };
  return (await isStackRunning()) ? run() : withStack([], run);
}

/** Runs a linter. @returns 2 when it is not installed */
async function linter(program: 'actionlint' | 'zizmor', ...args: string[]): Promise<number> {
  if (findProgram(program) !== undefined) return (await runProgram(program, args)) === 0 ? 0 : 1;
  console.log(`${program} is not installed: ${howToGet(program)}`);
  return 2;
}
