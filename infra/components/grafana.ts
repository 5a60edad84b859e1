import { ports } from '../../contract/ports.ts';
import type { BoardOptions } from '../../dashboards/index.ts';
import { dashboards } from '../../dashboards/index.ts';
import {
  type GrafanaDatasourcesInput,
  type GrafanaIniInput,
  grafanaDashboardProvider,
  grafanaDatasources,
  grafanaIni,
} from '../config/grafana.ts';
import { type Component, plainValue } from '../kubernetes/manifest.ts';
import { configMap, service, serviceAccount, statefulSet } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';

const name = 'grafana';
const secretsDirectory = '/run/secrets/grafana';
const dashboardsDirectory = '/var/lib/grafana-dashboards';

/** Where browsers reach Grafana: the existing one, or ours by `kubectl port-forward service/grafana 3000`. */
export function grafanaUrl({ grafana: { url } }: Settings): string {
  return url ?? `http://localhost:${ports.grafana}/`;
}

/**
 * What the uids of dashboards end in: one Grafana that is there already may have those of several environments, and of one
 * environment in several clusters.
 */
export function dashboardSuffix({ grafana: { mode }, ...settings }: Settings): string {
  return mode === 'external' ? `-${sharedName(settings)}` : '';
}

/** The environment with its cluster and region, as far as they are set. */
export const sharedName = ({ environment, cluster }: Pick<Settings, 'environment' | 'cluster'>): string =>
  [environment, cluster.region, cluster.name].filter((part) => part !== undefined).join('-');

/** Dashboards from files: data source, folder and dashboards are ConfigMaps, and changes in the UI are not kept. */
export function grafana(settings: Settings): Component {
  const { oidc } = settings.grafana;
  const config = { 'grafana.ini': grafanaIni(iniInput(settings)) };
  const datasources = { 'datasources.yaml': grafanaDatasources(sources(settings)) };
  const provider = { 'provider.yaml': grafanaDashboardProvider(dashboardsDirectory) };
  const boards = dashboards(boardOptions(settings));
  const health = { httpGet: { path: '/api/health', port: 'web' } };
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.grafana,
    config: { config, datasources, provider },
    volumes: {
      config: { configMap: 'grafana-config' },
      datasources: { configMap: 'grafana-datasources' },
      provider: { configMap: 'grafana-provider' },
      // Grafana reads these again by itself: a changed dashboard rolls nothing.
      dashboards: {
        projected: boards.map(({ uid }) => ({ configMap: `grafana-dashboard-${uid}` })),
      },
      secrets: { secret: 'grafana-secrets' },
      tmp: { scratch: 64 },
    },
    containers: [
      {
        name,
        image: imageOf(settings, 'grafana'),
        env: { GF_PATHS_CONFIG: '/etc/grafana/grafana.ini' },
        ports: { web: ports.grafana },
        mounts: {
          config: '/etc/grafana',
          datasources: '/etc/grafana-provisioning/datasources',
          provider: '/etc/grafana-provisioning/dashboards',
          dashboards: dashboardsDirectory,
          secrets: secretsDirectory,
          data: '/var/lib/grafana',
          tmp: '/tmp',
        },
        writable: ['data', 'tmp'],
        startup: { ...health, periodSeconds: 2, failureThreshold: 150 },
        readiness: { ...health, periodSeconds: 5 },
        liveness: { ...health, periodSeconds: 15, failureThreshold: 4 },
        cpu: 100,
        memory: settings.grafana.memory,
      },
    ],
  });
  return {
    name,
    after: ['namespace', 'network'],
    secrets: [
      {
        name: 'grafana-secrets',
        component: name,
        files: {
          'admin-password': plainValue('password/grafana/admin'),
          'secret-key': plainValue('password/grafana/secret-key'),
          ...(oidc ? { 'oidc-secret': plainValue('config/grafana-oidc-secret') } : {}),
        },
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'grafana-config', name, config),
      configMap(settings, 'grafana-datasources', name, datasources),
      configMap(settings, 'grafana-provider', name, provider),
      ...boards.map(({ uid, file, json }) =>
        configMap(settings, `grafana-dashboard-${uid}`, name, { [file]: json }),
      ),
      statefulSet(settings, name, template, {
        replicas: 1,
        service: name,
        volumes: { data: settings.grafana.storage },
      }),
      service(settings, { name, component: name, ports: { web: ports.grafana }, headless: true }),
    ],
  };
}

/** What the dashboards depend on, in this Grafana or in an existing one. */
export function boardOptions(settings: Settings): BoardOptions {
  const { urlTemplate } = settings.logs;
  const { enabled, external } = settings.tracing;
  return { traces: enabled && !external, ...(urlTemplate ? { logsUrlTemplate: urlTemplate } : {}) };
}

function iniInput(settings: Settings): GrafanaIniInput {
  const { oidc } = settings.grafana;
  return {
    adminPasswordFile: `${secretsDirectory}/admin-password`,
    secretKeyFile: `${secretsDirectory}/secret-key`,
    rootUrl: grafanaUrl(settings),
    dataDirectory: '/var/lib/grafana',
    provisioningDirectory: '/etc/grafana-provisioning',
    ...(oidc ? { oidc: { ...oidc, clientSecretFile: `${secretsDirectory}/oidc-secret` } } : {}),
  };
}

function sources(settings: Settings): GrafanaDatasourcesInput {
  const host = (service: string, port: number) => `http://${service}.${settings.namespace}.svc:${port}`;
  const { tracing, prometheus } = settings;
  return {
    prometheusUrl: host('prometheus', ports.prometheus),
    scrapeIntervalSeconds: prometheus.scrapeIntervalSeconds,
    ...(tracing.enabled && !tracing.external
      ? { traces: { type: 'jaeger', url: host('trace-store', ports.traceQuery) } }
      : {}),
  };
}
