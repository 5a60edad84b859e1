import { type Caller, CouldNotCheck, command, shell } from '../../slo/command.ts';
import { dashboards } from '../index.ts';
import { authorization } from '../preview/grafana.ts';
import { ensureFolder, pushDashboard } from './grafana.ts';

const help = `npm run dashboards:push -- --grafana URL [options]

Writes all dashboards into the folder Simple378 of a Grafana that does not read them from files. The token of a service
account (role Editor) is read from the file that GRAFANA_TOKEN_FILE names.

  --grafana URL    which one
  --message TEXT   noted in the version history; default "npm run dashboards:push"
  --dry-run        say what would be written, write nothing
  --help           this text

Exit: 0 written, 2 could not.
`;
const folder = { uid: 'simple378', title: 'Simple378' } as const;

/** The command. */
export const main = (caller: Caller, tokenFile = process.env.GRAFANA_TOKEN_FILE): Promise<number> =>
  command(
    caller,
    {
      name: 'dashboards:push',
      help,
      options: {
        grafana: { type: 'string' },
        message: { type: 'string', default: 'npm run dashboards:push' },
        'dry-run': { type: 'boolean', default: false },
      },
    },
    async ({ grafana, message, 'dry-run': dry }) => {
      if (!grafana || !/^https?:\/\/[^\s@]+$/.test(grafana))
        throw new CouldNotCheck('give --grafana URL, http or https, without credentials in it');
      const target = { url: grafana, headers: dry ? {} : authorization(tokenFile) };
      if (!dry) await ensureFolder(target, folder.uid, folder.title);
      for (const { uid, json } of dashboards()) {
        const at = dry
          ? `would write ${uid}`
          : await pushDashboard(target, JSON.parse(json), folder.uid, message);
        caller.print(at);
      }
      return 0;
    },
  );

if (import.meta.main) process.exitCode = await main(shell);
