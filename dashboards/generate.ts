import { print } from '../slo/query/promql.ts';
import { boards } from './index.ts';
import { exclusions } from './lint.ts';
import { type Board, type Panel, type Unit, units } from './model/board.ts';

/** Returns docs/dashboards.md from the dashboards, by path. */
export const outputs = (): Record<string, string> => ({ 'docs/dashboards.md': dashboardsDocument() });

/** `docs/dashboards.md`: what each panel tells, what to do, and how to add one. */
function dashboardsDocument(): string {
  return `# Dashboards

Generated from \`dashboards/boards/\` by \`npm run generate\`; edit those, not this.
Grafana reads them from files (\`npm start\`, or a ConfigMap in a cluster), so a change in its user interface is not kept.
All of them let you choose the environment, most the instance; alerts and new versions are marked on every time axis.
Dashed lines are limits from the objectives and policies. Series that mean good or bad have colours that any colour vision tells apart: blue is well,
orange needs a look, red-orange needs one now. Where tracing is on, dots on panels of durations are sampled requests; each
leads to its trace.

## See them without Grafana
\`npm run dashboards:preview\` draws every dashboard with the running stack's data, as a page and one SVG each, in
\`.local/preview/\`. It is drawn by ECharts: a preview, not Grafana. With \`--grafana URL\` the pictures come from that Grafana.

## Add a panel
1. In one file of \`dashboards/boards/\`, add an object: kind, title, what it tells, what to do, and its queries. Queries start at
   \`service\`, \`fleet\`, \`redis\` … of \`dashboards/model/scope.ts\`; a metric, label or value that does not exist does not compile. The
   unit follows from the metric's name.
2. \`npm run generate\`, and \`npm run dashboards:preview\` to look at it.
3. \`npm test\`: the lint says what is missing, and a real Prometheus parser reads the query.

A new dashboard is a file there and a line in \`dashboards/index.ts\`. With \`grafana.mode: external\`, Pulumi writes all of them to a
Grafana that reads no files.

${boards.map(section).join('\n')}
## Left out of the lint
${exclusions.map(({ dashboard, panel, rule, because }) => `- \`${dashboard}\`${panel ? ` / ${panel}` : ''}, rule \`${rule}\`: ${because}.`).join('\n')}
`;
}

function section({ title, uid, purpose, rows }: Board): string {
  return `## ${title}
\`${uid}\`: ${purpose}

${rows.map((row) => `### ${row.title}\n${row.panels.map(entry).join('\n')}\n`).join('\n')}`;
}

function entry({ title, description, action, queries, unit, awaits }: Panel): string {
  const shown = unit ?? (queries[0]?.expr.unit as Unit);
  const waits = awaits ? ` No data until ${awaits}.` : '';
  return `- **${title}** (${units[shown]}): ${description} ${action}${waits}\n${queries.map(({ expr }) => `  \`${print(expr)}\``).join('\n')}`;
}
