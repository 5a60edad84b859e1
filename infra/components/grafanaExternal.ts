import * as pulumi from '@pulumi/pulumi';
import { Dashboard } from '@pulumiverse/grafana/oss/dashboard.js';
import { DataSource } from '@pulumiverse/grafana/oss/dataSource.js';
import { Folder } from '@pulumiverse/grafana/oss/folder.js';
import { Provider } from '@pulumiverse/grafana/provider.js';
import { dashboards } from '../../dashboards/index.ts';
import { grafanaFolder } from '../config/grafana.ts';
import type { Settings } from '../settings.ts';
import { boardOptions } from './grafana.ts';
import type { Material } from './material.ts';

/** The existing Grafana of mode `external`, by its API: a folder, the data source, the dashboards; nothing else of it. */
export class GrafanaExternal extends pulumi.ComponentResource {
  constructor(settings: Settings, material: Material) {
    super('simple378:infra:GrafanaExternal', 'grafana');
    const { url, prometheusUrl } = settings.grafana as { url: string; prometheusUrl: string };
    // Uids are ours, so that another provider version, or a move, keeps links alive.
    const uid = `${grafanaFolder.uid}-${settings.environment}`;
    const provider = new Provider(
      'grafana',
      { url, auth: material.value('config/grafana-token') },
      { parent: this },
    );
    const options = { parent: this, provider };
    const folder = new Folder(
      'folder',
      { uid, title: `${grafanaFolder.title} ${settings.environment}` },
      options,
    );
    new DataSource(
      'prometheus',
      {
        uid: `${uid}-prometheus`,
        name: `${grafanaFolder.title} ${settings.environment}`,
        type: 'prometheus',
        url: prometheusUrl,
        jsonDataEncoded: JSON.stringify({
          httpMethod: 'POST',
          timeInterval: `${settings.prometheus.scrapeIntervalSeconds}s`,
        }),
      },
      options,
    );
    for (const board of dashboards(boardOptions(settings)))
      new Dashboard(board.uid, { configJson: board.json, folder: folder.uid, overwrite: true }, options);
    this.registerOutputs({});
  }
}
