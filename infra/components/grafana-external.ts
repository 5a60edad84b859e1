import * as pulumi from '@pulumi/pulumi';
import { Dashboard } from '@pulumiverse/grafana/oss/dashboard.js';
import { DataSource } from '@pulumiverse/grafana/oss/dataSource.js';
import { Folder } from '@pulumiverse/grafana/oss/folder.js';
import { Provider } from '@pulumiverse/grafana/provider.js';
import { dashboards } from '../../dashboards/index.ts';
import { grafanaFolder } from '../config/grafana.ts';
import type { Settings } from '../settings/index.ts';
import type { Credentials } from './credentials.ts';
import { boardOptions, dashboardSuffix, sharedName } from './grafana.ts';
import type { Scope } from './register.ts';

/** The existing Grafana of mode `external`, by its API: a folder, the data source, the dashboards; nothing else of it. */
export class GrafanaExternal extends pulumi.ComponentResource {
  constructor(settings: Settings, credentials: Credentials, { prefix, parent }: Scope) {
    super('simple378:infra:GrafanaExternal', `${prefix}grafana`, {}, parent ? { parent } : {});
    const { url, prometheusUrl } = settings.grafana as { url: string; prometheusUrl: string };
    const { folderUid, title, source, boards } = sharedGrafana(settings);
    const provider = new Provider(
      `${prefix}grafana`,
      { url, auth: credentials.value('config/grafana-token') },
      { parent: this },
    );
    const options = { parent: this, provider };
    const folder = new Folder(`${prefix}folder`, { uid: folderUid, title }, options);
    new DataSource(
      `${prefix}prometheus`,
      {
        uid: source,
        name: title,
        type: 'prometheus',
        url: prometheusUrl,
        jsonDataEncoded: JSON.stringify({
          httpMethod: 'POST',
          timeInterval: `${settings.prometheus.scrapeIntervalSeconds}s`,
        }),
      },
      options,
    );
    for (const board of boards)
      new Dashboard(
        `${prefix}${board.name}`,
        { configJson: board.json, folder: folder.uid, overwrite: true },
        options,
      );
    this.registerOutputs({});
  }
}

interface Classic {
  uid: string;
  tags: string[];
  links: { type: string; tags: string[] }[];
  templating: { list: { name: string; current?: object }[] };
}

/**
 * What an environment has in a Grafana that others share. Uids are ours, so that another provider version, or a move, keeps
 * links alive, and each environment's own: a dashboard of one would overwrite that of another.
 */
export function sharedGrafana(settings: Settings) {
  const shared = sharedName(settings);
  const tag = `${grafanaFolder.uid}-${shared}`;
  const title = `${grafanaFolder.title} ${shared}`;
  const source = `${tag}-prometheus`;
  const boards = dashboards(boardOptions(settings)).map(({ uid: name, json }) => {
    const board = JSON.parse(json) as Classic;
    board.uid = `${name}${dashboardSuffix(settings)}`;
    // The menu of dashboards finds them by tag.
    board.tags = [tag];
    for (const link of board.links) if (link.type === 'dashboards') link.tags = [tag];
    for (const variable of board.templating.list)
      if (variable.name === 'datasource') variable.current = { text: title, value: source };
    return { name, json: JSON.stringify(board) };
  });
  // Grafana up to 11 keeps folders and dashboards in one table: the application's board has the tag for its uid.
  return { folderUid: `${tag}-folder`, title, source, boards };
}
