import { Command } from 'commander';
import { exits, integer } from '../frame/command.ts';

/** The commands of the stack on this machine; `npm start`, `npm stop` and `npm run status` are three of them. */
export const localCommands = (): Command[] => [
  new Command('start')
    .description('start the stack and follow its logs; Ctrl-C or npm stop ends it')
    .option(
      '--port-offset <n>',
      'shift every port by n: beside the stack of another checkout',
      integer(0, 50_000),
      0,
    )
    .option('--fresh', 'delete the state of earlier runs (.local/) first', false)
    .option(
      '--policies <file>',
      'rate limits from a JSON list of policies in place of the settings’ limits; loadtests/policies/ has examples',
    )
    .option(
      '--service <command or URL>',
      'put limit gateways in front of another service in place of the case service',
    )
    .option('--no-install', 'use only programs on PATH or in the cache; download nothing')
    .option('--smoke', 'start, do the main job as a user would, report each step, and stop', false)
    .action(
      exits(async ({ portOffset: offset, fresh, policies, service, install, smoke }) => {
        const { runLocally } = await import('../../infra/local/main.ts');
        return runLocally({ offset, fresh, policies, service, install, smoke });
      }),
    ),
  new Command('stop')
    .description('stop the stack of this checkout')
    .action(exits(async () => (await import('../../infra/local/stop.ts')).stop())),
  new Command('status')
    .description('show which parts of the stack answer; exit code 1 when one does not')
    .action(exits(async () => (await import('../../infra/local/status.ts')).status())),
  new Command('login')
    .description('print an access token of the running stack')
    .argument('[account]', 'a role or an e-mail address', 'caseworker')
    .action(exits(async (account: string) => (await import('../../infra/local/login.ts')).login(account))),
  new Command('rotate-keys')
    .description('make a new data key for the running stack and encrypt every case with it')
    .action(exits(async () => (await import('../../infra/local/rotate-keys.ts')).rotateKeys())),
  new Command('preview')
    .description('draw every dashboard with real data: an HTML page and one SVG each, without a Grafana')
    .option('--prometheus <url>', 'where the data is (default: the running stack)')
    .option('--environment <name>', 'which environment (default: the first that Prometheus knows)')
    .option('--minutes <n>', 'how far back', integer(5, 43_200), 60)
    .option('--output <directory>', 'where to write', '.local/preview')
    .option('--picture <file>', 'write the picture of the application dashboard there too')
    .option(
      '--grafana <url>',
      'take the pictures from a Grafana with an image renderer (token: GRAFANA_TOKEN_FILE)',
    )
    .action(
      exits(async (options) => {
        const { previewDashboards } = await import('../../dashboards/preview/preview.ts');
        return previewDashboards(options, console.log);
      }),
    ),
];
