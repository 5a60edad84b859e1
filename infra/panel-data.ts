import { setTimeout as sleep } from 'node:timers/promises';
import { boards } from '../dashboards/index.ts';
import { print } from '../slo/query/promql.ts';

/** A query of a panel, as Grafana sends it with the variables' defaults. */
export interface PanelQuery {
  /** Dashboard and panel. */
  readonly place: string;
  readonly query: string;
  /** The event before which it has no data; none for a panel that always shows something. */
  readonly awaits?: string;
}

/** Every query of every dashboard. */
export function panelQueries(environment: string): PanelQuery[] {
  return boards.flatMap(({ uid, rows }) =>
    rows
      .flatMap(({ panels }) => panels)
      .flatMap(({ title, queries, awaits }) =>
        queries.map(({ expr }) => ({
          place: `${uid}, panel ${title}`,
          query: filledIn(print(expr), environment),
          ...(awaits === undefined ? {} : { awaits }),
        })),
      ),
  );
}

/** Queries that had no data, for a message. */
export const listed = (missing: readonly PanelQuery[]): string =>
  missing.map(({ place, query }) => `${place}: no data for ${query}`).join('; ');

const filledIn = (query: string, environment: string): string =>
  query
    .replaceAll('$environment', environment)
    .replaceAll('$instance', '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h');

/**
 * Asks until each query had data once, or the time is over: scrapes take a while.
 * @param series how many series a query returns now; rejects when the query is wrong
 * @returns those that never had any
 */
export async function withoutData(
  queries: readonly PanelQuery[],
  series: (query: string) => Promise<number>,
  milliseconds: number,
): Promise<PanelQuery[]> {
  let left = [...queries];
  for (const end = Date.now() + milliseconds; left.length > 0; await sleep(1_000)) {
    const still: PanelQuery[] = [];
    for (const one of left) if ((await series(one.query)) === 0) still.push(one);
    left = still;
    if (Date.now() >= end) break;
  }
  return left;
}
