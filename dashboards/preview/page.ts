import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Range } from '../../slo/prometheus.ts';
import { isRow } from '../finalise.ts';
import { draw } from './chart.ts';
import type { Filled } from './data.ts';

/** Pixels of a grid column and of a grid unit of height, at 1280 pixels. */
const column = 52;
const unit = 34;
const gap = 8;
/** Of a panel on a phone, where it has a line of its own and its letters must not shrink. */
const phone = { width: 366, height: 230 };

/** What a preview shows of a dashboard. */
export interface Preview {
  readonly dashboard: Dashboard;
  readonly filled: readonly Filled[];
  readonly range: Range;
}

/** One SVG of a whole dashboard, as wide as a laptop shows it. */
export function picture({ dashboard, filled, range }: Preview): string {
  const rows = (dashboard.panels ?? []).filter(isRow);
  const bottom = Math.max(
    0,
    ...(dashboard.panels ?? []).map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)),
  );
  const head = 44;
  const panels = filled.map(({ panel, data }) => {
    const { x = 0, y = 0, w = 12, h = 8 } = panel.gridPos ?? {};
    const svg = draw(panel, data, { width: w * column - gap, height: h * unit - gap, range });
    return `<svg x="${x * column + gap / 2}" y="${head + y * unit}" width="${w * column - gap}" height="${h * unit - gap}">${own(svg, `p${panel.id}`)}</svg>`;
  });
  const headings = rows.map(
    ({ title, gridPos }) =>
      `<text x="10" y="${head + (gridPos?.y ?? 0) * unit + 21}" font-size="15" font-weight="600" fill="#e6e9ef">${escaped(title ?? '')}</text>`,
  );
  const [width, height] = [24 * column, head + bottom * unit + gap];
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, Helvetica, Arial, sans-serif"><rect width="100%" height="100%" fill="#111217"/><text x="10" y="29" font-size="20" font-weight="600" fill="#e6e9ef">${escaped(dashboard.title ?? '')}</text><text x="${width - 10}" y="29" font-size="12" text-anchor="end" fill="#8b93a1">a preview drawn by ECharts, not Grafana</text>${headings.join('')}${panels.join('')}</svg>\n`;
}

/** The page with all dashboards; on a phone each panel has a line of its own. */
export function page(previews: readonly Preview[], about: string): string {
  const nav = previews
    .map(({ dashboard }) => `<a href="#${dashboard.uid}">${escaped(dashboard.title ?? '')}</a>`)
    .join('');
  const sections = previews.map(({ dashboard, filled, range }) => {
    const byId = new Map(filled.map((one) => [one.panel.id, one]));
    const items = (dashboard.panels ?? []).map((panel) => {
      if (isRow(panel)) return `<h3>${escaped(panel.title ?? '')}</h3>`;
      const { panel: shown, data } = byId.get(panel.id) as Filled;
      const { w = 12, h = 8 } = shown.gridPos ?? {};
      const wide = draw(shown, data, { width: w * column - gap, height: h * unit - gap, range });
      const narrow = draw(shown, data, { ...phone, range });
      return `<figure style="--w:${w}" title="${escaped(shown.description ?? '')}"><div class="wide">${scalable(own(wide, `h${panel.id}`))}</div><div class="narrow">${scalable(own(narrow, `n${panel.id}`))}</div></figure>`;
    });
    return `<section id="${dashboard.uid}"><h2>${escaped(dashboard.title ?? '')}</h2><p>${escaped(dashboard.description ?? '')} <a href="${dashboard.uid}.svg">as one picture</a></p><div class="grid">${items.join('')}</div></section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dashboards: preview</title><style>
body{margin:0;background:#111217;color:#c7ced9;font:14px Inter,Helvetica,Arial,sans-serif}
header,section{max-width:1280px;margin:0 auto;padding:8px 12px}
nav{display:flex;flex-wrap:wrap;gap:12px}a{color:#56b4e9}
h3{grid-column:1/-1;margin:12px 0 0;color:#e6e9ef}h2{margin:16px 0 4px;color:#e6e9ef}p{margin:4px 0}
.grid{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
figure{grid-column:span var(--w);margin:0}figure svg{display:block;width:100%;height:auto}.narrow{display:none}
@media(max-width:700px){figure{grid-column:1/-1}.wide{display:none}.narrow{display:block}}
</style></head><body><header><h1>Dashboards: preview</h1><p>${escaped(about)}</p><nav>${nav}</nav></header>
${sections.join('\n')}
</body></html>
`;
}

/** ECharts gives definitions in each drawing the same ids; together on a page they would hide each other. */
function own(svg: string, prefix: string): string {
  return svg.replace(/(id="|url\(#|href="#)(zr)/g, `$1${prefix}-$2`).replaceAll('zr-', `${prefix}-zr-`);
}
const scalable = (svg: string): string =>
  svg
    .replace(/^<svg width="(\d+)" height="(\d+)"/, '<svg viewBox="0 0 $1 $2"')
    .replace(/viewBox="[^"]+" ([^>]*)viewBox/, '$1viewBox');

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character] ?? '');
