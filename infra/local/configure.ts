import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { dashboards } from '../../dashboards/index.ts';
import { ruleFiles } from '../../slo/rules.ts';
import { alertmanagerConfig } from '../config/alertmanager.ts';
import { grafanaIni, grafanaProvisioning } from '../config/grafana.ts';
import { prometheusConfig, type ScrapeJob } from '../config/prometheus.ts';
import { aclFile, redisConf, redisUsers } from '../config/redis.ts';
import { redisPassword, writePrivate } from './credentials.ts';
import { type Ports, paths, root } from './layout.ts';

/** The optional servers that this machine has. */
export interface Available {
  readonly exporter: boolean;
  readonly alertmanager: boolean;
  readonly grafana: boolean;
}

/** Writes every configuration file with the functions that write the cluster's. */
export function writeConfiguration(ports: Ports, available: Available): void {
  for (const server of ['redis', 'prometheus', 'alertmanager', 'grafana']) {
    mkdirSync(paths.data(server), { recursive: true, mode: 0o700 });
  }
  writeRedis(ports);
  writePrometheus(ports, available);
  writePrivate(
    join(paths.config('alertmanager'), 'alertmanager.yml'),
    stringify(alertmanagerConfig({ receivers: [] })),
  );
  writeGrafana(ports);
}

function writeRedis(ports: Ports): void {
  const folder = paths.config('redis');
  const acl = join(folder, 'users.acl');
  writePrivate(acl, aclFile(Object.fromEntries(redisUsers.map((user) => [user, [redisPassword(user)]]))));
  writePrivate(
    join(folder, 'redis.conf'),
    redisConf({
      port: ports.redis,
      bind: '127.0.0.1',
      tlsDirectory: paths.tls('redis'),
      aclFile: acl,
      dataDirectory: paths.data('redis'),
      maxmemoryMegabytes: 256,
      maxclients: 1_000,
      sentinel: false,
    }),
  );
  const address = `rediss://localhost:${ports.redis}`;
  writePrivate(
    join(folder, 'exporter-passwords.json'),
    JSON.stringify({ [address]: redisPassword('exporter') }),
  );
}

function writePrometheus(ports: Ports, available: Available): void {
  const folder = paths.config('prometheus');
  const rules = join(folder, 'rules');
  rmSync(rules, { recursive: true, force: true });
  for (const { name, content } of ruleFiles('local', {
    grafana: `http://localhost:${ports.grafana}`,
    runbooks: pathToFileURL(join(root, 'docs', 'runbooks')).href,
    // Without the exporter, no metric shows whether Redis is up.
    redisServers: available.exporter ? 1 : 0,
    backupHours: null,
    hasEdge: false,
    hasCollector: false,
    cpuCores: availableParallelism(),
    memoryMib: Math.floor(totalmem() / 1_048_576),
  }))
    writePrivate(join(rules, name), content);
  const jobs: ScrapeJob[] = [
    {
      job: 'case-service',
      targets: [`localhost:${ports.internal1}`, `localhost:${ports.internal2}`],
      tlsServerName: 'localhost',
    },
    ...(available.exporter ? [{ job: 'redis', targets: [`localhost:${ports.exporter}`] }] : []),
    ...(available.alertmanager
      ? [{ job: 'alertmanager', targets: [`localhost:${ports.alertmanager}`] }]
      : []),
    ...(available.grafana ? [{ job: 'grafana', targets: [`localhost:${ports.grafana}`] }] : []),
  ];
  const config = prometheusConfig({
    environment: 'local',
    scrapeIntervalSeconds: 5,
    jobs,
    caFile: paths.authority,
    ruleFiles: [join(rules, '*.yml')],
    self: `localhost:${ports.prometheus}`,
    ...(available.alertmanager ? { alertmanager: `localhost:${ports.alertmanager}` } : {}),
  });
  writePrivate(join(folder, 'prometheus.yml'), stringify(config));
}

function writeGrafana(ports: Ports): void {
  const folder = paths.config('grafana');
  const password = join(folder, 'admin-password');
  if (!existsSync(password)) writePrivate(password, `${randomBytes(24).toString('base64url')}\n`);
  const dashboardFolder = join(folder, 'dashboards');
  const ini = grafanaIni({
    port: ports.grafana,
    bind: '127.0.0.1',
    rootUrl: `http://localhost:${ports.grafana}`,
    adminPasswordFile: password,
    dataDirectory: paths.data('grafana'),
    provisioningDirectory: join(folder, 'provisioning'),
    secureCookies: false,
  });
  writePrivate(join(folder, 'grafana.ini'), ini);
  const provisioned = grafanaProvisioning({
    prometheusUrl: `http://localhost:${ports.prometheus}`,
    dashboardFolder,
  });
  for (const { path, content } of provisioned) writePrivate(join(folder, 'provisioning', path), content);
  rmSync(dashboardFolder, { recursive: true, force: true });
  for (const { file, json } of dashboards()) writePrivate(join(dashboardFolder, file), json);
}
