import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { application } from './boards/application.ts';
import { limits } from './boards/limits.ts';
import { redisBoard } from './boards/redis.ts';
import { runtime } from './boards/runtime.ts';
import { security } from './boards/security.ts';
import { sloBoard } from './boards/slo.ts';
import { type BoardOptions, build } from './build.ts';

export type { BoardOptions } from './build.ts';

import { readableJson } from './json.ts';
import { refuse } from './lint.ts';
import type { Board } from './model/board.ts';

/** All boards, in the order of the documents. To add one: write `boards/<name>.ts`, and list it here. */
export const boards: readonly Board[] = [application, limits, redisBoard, sloBoard, security, runtime];

/** A dashboard file for Grafana's provisioning. */
export interface DashboardFile {
  readonly uid: string;
  readonly file: string;
  readonly json: string;
}

/**
 * Grafana's Classic JSON of all dashboards, linted.
 * @throws Error that names every finding of the lint, a duplicate uid among them
 */
export function dashboards(options: BoardOptions = {}, of: readonly Board[] = boards): DashboardFile[] {
  const built: readonly Dashboard[] = of.map((board) => build(board, options));
  refuse(built);
  return built.map((dashboard) => ({
    uid: dashboard.uid as string,
    file: `${dashboard.uid}.json`,
    json: `${readableJson(dashboard)}\n`,
  }));
}
