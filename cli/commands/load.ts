import { Argument, Command } from 'commander';
import { scripts } from '../../loadtests/scenarios/run-file.ts';
import { collect, exits, integer } from '../frame/command.ts';

const descriptions: Readonly<Record<(typeof scripts)[number], string>> = {
  limits:
    'exactly the quota of every policy comes through; headers, Retry-After, isolation, bypasses (4 min)',
  burst: 'all of the quota of `intensive` at once (10 s)',
  attack: 'nine tenths of the requests over the limit; other users are unharmed (75 s)',
  mixed: 'a working day in which nobody meets a limit (1 min)',
  soak: 'the same for half an hour',
  spike: 'ten times the traffic at once (1 min)',
  breakpoint: 'a rising rate up to the knee (2 min)',
};

/** `npm run loadtest` */
export function load(): Command {
  return new Command('load')
    .description('run a k6 script against a stack and compare its 429s with the counters of the service')
    .addArgument(new Argument('<script>', 'the k6 script').choices(scripts))
    .option(
      '--target <url>',
      'base URL of the API; repeat it for several replicas (default: the local stack)',
      collect,
    )
    .option(
      '--users <file>',
      'JSON list of {email, password, role} with an admin, who creates the load accounts',
    )
    .option('--ca <file>', 'CA certificate of the target')
    .option(
      '--internal <url>',
      'internal port of a replica, repeatable; without it counters are not compared',
      collect,
    )
    .option('--internal-ca <file>', 'CA certificate of the internal ports, when it is another')
    .option(
      '--shared',
      'others use the target too: its deny counters must grow by at least the 429s that k6 received',
      false,
    )
    .option('--policies <file>', 'JSON list of the policies in force (default: those of the local stack)')
    .option('--only <names>', 'limits: only these policies, separated by commas', (names: string) =>
      names.split(','),
    )
    .option('--seconds <n>', 'mixed, soak, spike: another duration', integer(1, 999_999))
    .option('--to <n>', 'breakpoint: highest rate, requests per second (default: 1200)', integer(1, 999_999))
    .option(
      '--local-ips <range>',
      'addresses of this machine to send from (default on Linux to loopback: a thousand)',
    )
    .option('--prepare', 'write accounts and run file, print the k6 command, and stop', false)
    .addHelpText(
      'after',
      `\nScripts:\n${scripts.map((script) => `  ${script.padEnd(11)} ${descriptions[script]}`).join('\n')}\n\nReports are in reports/loadtest/.`,
    )
    .action(
      exits(async (script, options) => {
        const { loadTest } = await import('../../loadtests/runner/main.ts');
        return loadTest({ script, ...options });
      }),
    );
}
