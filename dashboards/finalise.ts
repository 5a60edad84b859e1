import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';
import { panelId } from '../slo/alerts/alert.ts';

/**
 * What the builders leave open (0.0.21): panels without ids, rows that all have id 0, queries without refIds, variables
 * without a current value. Ids follow from titles, so that a link survives when panels move.
 */
export function finalise(built: Dashboard): Dashboard {
  // By JSON: queries carry a marker function, and `build()` gives the same object each time.
  const dashboard = JSON.parse(JSON.stringify(built)) as Dashboard;
  for (const panel of dashboard.panels ?? []) {
    panel.id = panelId(isRow(panel) ? `row ${panel.title}` : (panel.title ?? ''));
    if (!isRow(panel)) name(panel);
  }
  for (const variable of dashboard.templating?.list ?? []) {
    variable.current ??= variable.includeAll
      ? { selected: true, text: ['All'], value: ['$__all'] }
      : { selected: false, text: '', value: '' };
  }
  return dashboard;
}

function name(panel: Panel): void {
  panel.targets = (panel.targets ?? []).map((target, index) => ({
    ...target,
    refId: String.fromCharCode(65 + index),
  }));
}

/** Whether a panel is a row's heading. */
export const isRow = (panel: Panel | RowPanel): panel is RowPanel => panel.type === 'row';
