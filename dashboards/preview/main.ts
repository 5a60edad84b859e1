import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Caller, CouldNotCheck, command, shell } from '../../slo/command.ts';
import { dashboards } from '../index.ts';
import { readStack } from '../stack.ts';
import { environmentOf, fill, since } from './data.ts';
import { pictures } from './grafana.ts';
import { type Preview, page, picture } from './page.ts';

const help = `npm run dashboards:preview [-- options]

Draws every dashboard with real data: an HTML page and one SVG per dashboard, without a Grafana.

  --prometheus URL     where the data is; default: the running stack's (.local/stack.json)
  --environment NAME   which environment; default: the first that Prometheus knows
  --minutes N          how far back, 5 to 43200; default 60
  --output DIRECTORY   where to write; default .local/preview
  --picture FILE       the application dashboard's picture goes there too; the README shows docs/images/dashboard.svg
  --grafana URL        take the pictures from this Grafana instead (needs its image renderer; token in GRAFANA_TOKEN_FILE)
  --help               this text
`;

/** Uid of the dashboard that {@link main}'s `--picture` keeps. */
const application = 'simple378';

/** The command. */
export const main = (caller: Caller): Promise<number> =>
  command(
    caller,
    {
      name: 'dashboards:preview',
      help,
      options: {
        prometheus: { type: 'string' },
        environment: { type: 'string' },
        minutes: { type: 'string', default: '60' },
        output: { type: 'string', default: '.local/preview' },
        picture: { type: 'string' },
        grafana: { type: 'string' },
      },
    },
    async (options) => {
      const minutes = Number(options.minutes);
      if (!Number.isInteger(minutes) || minutes < 5 || minutes > 43_200)
        throw new CouldNotCheck(
          `--minutes is ${JSON.stringify(options.minutes)}, must be an integer, 5 to 43200`,
        );
      const output = resolve(options.output);
      mkdirSync(output, { recursive: true });
      if (options.grafana) {
        const uids = dashboards().map(({ uid }) => uid);
        for (const file of await pictures(options.grafana, uids, { output, minutes })) caller.print(file);
        return 0;
      }
      const prometheus = options.prometheus ?? readStack()?.prometheus;
      if (!prometheus)
        throw new CouldNotCheck('no stack runs here; start it with npm start, or give --prometheus URL');
      const empty = await draw(prometheus, options.environment, minutes, output);
      if (options.picture) copyFileSync(join(output, `${application}.svg`), options.picture);
      for (const title of empty) caller.print(`no data: ${title}`);
      caller.print(join(output, 'index.html'));
      return empty.length > 0 ? 1 : 0;
    },
  );

/** Writes page and pictures; returns panels that have no data and await no event. */
async function draw(
  prometheus: string,
  given: string | undefined,
  minutes: number,
  output: string,
): Promise<string[]> {
  const environment = given ?? (await environmentOf(prometheus));
  const end = Math.floor(Date.now() / 1_000);
  const asked = { start: end - minutes * 60, end, step: Math.max(5, (minutes * 60) / 240) };
  // A stack that has just started would leave most of each drawing empty.
  const range = { ...asked, start: await since(prometheus, asked) };
  const previews: Preview[] = [];
  for (const { json, uid } of dashboards()) {
    const dashboard = JSON.parse(json) as Dashboard;
    const preview = { dashboard, filled: await fill(dashboard, { prometheus, environment, range }), range };
    writeFileSync(join(output, `${uid}.svg`), picture(preview));
    previews.push(preview);
  }
  const shown = Math.ceil((end - range.start) / 60);
  const about = `Environment ${environment}, the last ${shown} minutes until ${new Date(end * 1_000).toISOString()}. Drawn by ECharts from Prometheus: a preview, not Grafana.`;
  writeFileSync(join(output, 'index.html'), page(previews, about));
  return previews.flatMap(({ dashboard, filled }) =>
    filled
      .filter(({ panel, data }) => data.length === 0 && panel.fieldConfig?.defaults.noValue === undefined)
      .map(({ panel }) => `${dashboard.title} / ${panel.title}`),
  );
}

if (import.meta.main) process.exitCode = await main(shell);
