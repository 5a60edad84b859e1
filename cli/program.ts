import { Command } from 'commander';
import { benchCommands } from './commands/bench.ts';
import { check, fix, test } from './commands/check.ts';
import { drift } from './commands/drift.ts';
import { environmentCommands } from './commands/environment.ts';
import { errorBudgets } from './commands/error-budgets.ts';
import { gate } from './commands/gate.ts';
import { generate } from './commands/generate.ts';
import { load } from './commands/load.ts';
import { localCommands } from './commands/local.ts';
import { pullRequest } from './commands/pull-request.ts';
import { release } from './commands/release.ts';
import { restore } from './commands/restore.ts';
import { passThrough } from './frame/process.ts';

/** Builds `npx simple378` with all its commands; the help and docs/commands.md come from it. */
export function program(): Command {
  const top = new Command('simple378')
    .description('The commands of this repository. Every command takes --help.')
    .helpCommand('help [command]', 'show the usage of a command');
  const groups = [
    group('stack', 'Run the whole stack on this machine', localCommands()),
    group('env', 'Render, bring up and look after an environment', [
      ...environmentCommands(),
      ...[restore(), release(), gate(), drift()],
    ]),
    group('verify', 'Check the code, the settings and what runs', [
      ...[check(), fix(), test()],
      passThrough('policies', ['--require', './infra/preload.cjs', 'policies/main.ts']).description(
        'check every environment against the security checklist',
      ),
      passThrough('security', ['policies/verify/main.ts']).description(
        'prove the security checklist on a running stack',
      ),
      passThrough('limiter-mutants', ['limiter/mutants/main.ts']).description(
        'break the limiter in known ways; a test must fail each time',
      ),
      ...[load(), errorBudgets(), pullRequest()],
    ]),
    group('bench', 'Measure', benchCommands()),
  ];
  for (const command of [...groups, generate(), doctor()]) top.addCommand(command);
  return top;
}

/** The launcher runs the doctor itself, because it must answer before the packages are installed. */
const doctor = (): Command =>
  passThrough('doctor', ['cli/simple378.js', 'doctor']).description(
    'show which programs are installed and how to get the others',
  );

function group(name: string, description: string, commands: readonly Command[]): Command {
  const made = new Command(name).description(description).helpCommand(false);
  for (const command of commands) made.addCommand(command);
  return made;
}
