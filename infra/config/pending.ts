import { createHash } from 'node:crypto';
export interface RedisConfInput {
  port: number;
  tlsDirectory: string;
  aclFile: string;
  dataDirectory: string;
  maxmemoryMegabytes: number;
  maxclients: number;
  sentinel: boolean;
}
export function redisConf(i: RedisConfInput): string {
  return [
    'port 0',
    `tls-port ${i.port}`,
    `tls-cert-file ${i.tlsDirectory}/tls.crt`,
    `tls-key-file ${i.tlsDirectory}/tls.key`,
    `tls-ca-cert-file ${i.tlsDirectory}/ca.crt`,
    'tls-auth-clients no',
    'tls-replication yes',
    'tls-protocols "TLSv1.2 TLSv1.3"',
    `aclfile ${i.aclFile}`,
    `dir ${i.dataDirectory}`,
    'appendonly yes',
    'appendfsync everysec',
    `maxmemory ${i.maxmemoryMegabytes}mb`,
    'maxmemory-policy noeviction',
    `maxclients ${i.maxclients}`,
    'save ""',
    'protected-mode no',
    'logfile ""',
    ...(i.sentinel ? ['min-replicas-to-write 1', 'min-replicas-max-lag 10'] : []),
    '',
  ].join('\n');
}
export const redisUsers = [
  'case-data',
  'case-limiter',
  'exporter',
  'backup',
  'replication',
  'sentinel',
  'probe',
  'reloader',
] as const;
const rights: Record<string, string> = {
  'case-data': '~cs:v1:* &cs:v1:* +@all -@admin -@dangerous +info',
  'case-limiter': '~rl:v1:* &rl:v1:* +@all -@admin -@dangerous +info',
  exporter:
    '~backup:v1:* -@all +ping +info +config|get +client|list +slowlog +latency +get +type +strlen +memory|usage +select +dbsize +exists +pttl +scan +hello +client|setname',
  backup: '~backup:v1:* -@all +ping +sync +psync +replconf +set +config|get',
  replication: '-@all +psync +replconf +ping',
  sentinel:
    'allchannels -@all +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +client|pause +script|kill +replicaof',
  probe: '-@all +ping',
  reloader: '-@all +ping +acl|load +config|set',
};
export function aclFile(passwords: Readonly<Record<string, readonly string[]>>): string {
  return [
    'user default off',
    ...Object.entries(passwords).map(
      ([u, list]) =>
        `user ${u} on ${list.map((p) => '#' + createHash('sha256').update(p).digest('hex')).join(' ')} resetchannels ${rights[u]}`,
    ),
    '',
  ].join('\n');
}
export interface ScrapeJob {
  job: string;
  host: string;
  port: number;
  tlsServerName?: string;
  path?: string;
}
export function prometheusConfig(i: {
  environment: string;
  scrapeIntervalSeconds: number;
  jobs: readonly ScrapeJob[];
  caFile: string;
  ruleFiles: readonly string[];
  alertmanager: string;
}): object {
  return {
    global: {
      scrape_interval: `${i.scrapeIntervalSeconds}s`,
      evaluation_interval: `${i.scrapeIntervalSeconds}s`,
      external_labels: { environment: i.environment },
    },
    rule_files: [...i.ruleFiles],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [i.alertmanager] }] }] },
    scrape_configs: [
      {
        job_name: 'prometheus',
        static_configs: [{ targets: ['localhost:9090'], labels: { environment: i.environment } }],
      },
      ...i.jobs.map((j) => ({
        job_name: j.job,
        ...(j.tlsServerName
          ? { scheme: 'https', tls_config: { ca_file: i.caFile, server_name: j.tlsServerName } }
          : {}),
        dns_sd_configs: [{ names: [j.host], type: 'A', port: j.port, refresh_interval: '5s' }],
        relabel_configs: [{ target_label: 'environment', replacement: i.environment }],
      })),
    ],
  };
}
export function alertmanagerConfig(i: {
  receivers: readonly { name: string; severity: string; url: string }[];
}): object {
  return {
    route: {
      receiver: 'none',
      group_by: ['alertname'],
      routes: i.receivers.map((r) => ({
        receiver: r.name,
        matchers: [`severity="${r.severity}"`],
        continue: true,
      })),
    },
    receivers: [
      { name: 'none' },
      ...i.receivers.map((r) => ({ name: r.name, webhook_configs: [{ url: r.url, send_resolved: true }] })),
    ],
  };
}
export function grafanaIni(): string {
  return '[auth.anonymous]\nenabled = false\n';
}
