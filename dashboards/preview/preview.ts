import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboards } from '../index.ts';
import { readStack } from '../stack.ts';
import { environmentOf, fill, since } from './data.ts';
import { pictures } from './grafana.ts';
import { type Preview, page, picture } from './page.ts';

/** Options of the preview. */
export interface PreviewOptions {
  /** Address of the Prometheus; the local stack's when left out. */
  readonly prometheus?: string | undefined;
  /** The first environment that Prometheus knows when left out. */
  readonly environment?: string | undefined;
  readonly minutes: number;
  /** Folder for the page and the pictures. */
  readonly output: string;
  /** A second file for the picture of the application dashboard. */
  readonly picture?: string | undefined;
  /** Address of a Grafana that takes the pictures instead. */
  readonly grafana?: string | undefined;
}

/** Uid of the dashboard whose picture {@link PreviewOptions.picture} keeps. */
const application = 'simple378';

/**
 * Draws every dashboard as a page and one SVG each, and prints the panels without data.
 * @returns the exit code: 1 when a panel has no data
 * @throws Error when no Prometheus answers
 */
export async function previewDashboards(
  options: PreviewOptions,
  print: (line: string) => void,
): Promise<number> {
  const { minutes } = options;
  const output = resolve(options.output);
  mkdirSync(output, { recursive: true });
  if (options.grafana) {
    const uids = dashboards().map(({ uid }) => uid);
    for (const file of await pictures(options.grafana, uids, { output, minutes })) print(file);
    return 0;
  }
  const prometheus = options.prometheus ?? readStack()?.prometheus;
  if (!prometheus)
    throw new Error('no local stack with Prometheus runs; start it with npm start, or add --prometheus URL');
  const empty = await draw(prometheus, options.environment, minutes, output);
  if (options.picture) copyFileSync(join(output, `${application}.svg`), options.picture);
  for (const title of empty) print(`no data: ${title}`);
  print(join(output, 'index.html'));
  return empty.length > 0 ? 1 : 0;
}

/** Writes the page and the pictures. @returns the panels that have no data and wait for no event */
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
