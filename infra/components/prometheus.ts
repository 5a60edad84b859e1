import { stringify } from 'yaml';
import { ports } from '../../contract/ports.ts';
import type { BudgetDays } from '../../slo/objectives/burn-rates.ts';
import { ruleFiles } from '../../slo/rules.ts';
import { prometheusConfig } from '../config/prometheus.ts';
import { type Component, plainValue } from '../kubernetes/manifest.ts';
import { configMap, service, serviceAccount, statefulSet } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { connections } from '../network/connections.ts';
import { scrapeTargets } from '../network/scrape.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { amountOf } from '../settings/quantity.ts';
import { redisHosts } from '../settings/service-environment.ts';
import { caseService } from './case-service.ts';
import { dashboardSuffix, grafanaUrl } from './grafana.ts';

const name = 'prometheus';
const secretsDirectory = '/run/secrets/prometheus';

/** Metrics: what to scrape follows from the connections, rules and alerts from the SLOs. */
export function prometheus(settings: Settings): Component {
  const { cluster } = settings;
  const { remoteWrite } = settings.prometheus;
  const withSecret = remoteWrite.filter(({ authentication }) => /^(basic|bearer)$/.test(authentication));
  const config = {
    'prometheus.yml': stringify(
      prometheusConfig({
        environment: settings.environment,
        externalLabels: {
          ...(cluster.name ? { cluster: cluster.name } : {}),
          ...(cluster.region ? { region: cluster.region } : {}),
          ...settings.prometheus.externalLabels,
        },
        remoteWrite: remoteWrite.map((store) => ({
          ...store,
          secretFile: `${secretsDirectory}/${store.name}`,
        })),
        recordType: cluster.ipFamilies[0] === 'IPv6' ? 'AAAA' : 'A',
        scrapeIntervalSeconds: settings.prometheus.scrapeIntervalSeconds,
        jobs: scrapeTargets(settings, connections(settings)),
        caFile: '/run/tls/ca.crt',
        ruleFiles: ['/etc/prometheus-rules/*.yml'],
        alertmanager: `alertmanager.${settings.namespace}.svc:${ports.alertmanager}`,
      }),
    ),
  };
  const rules = Object.fromEntries(
    ruleFiles(settings.environment, {
      grafana: grafanaUrl(settings),
      dashboardSuffix: dashboardSuffix(settings),
      ...(settings.alertmanager.runbooksUrl ? { runbooks: settings.alertmanager.runbooksUrl } : {}),
      redisServers: settings.redis.mode === 'external' ? 0 : redisHosts(settings).length,
      backupHours:
        settings.redis.mode === 'external' || !settings.redis.backup.enabled
          ? null
          : settings.redis.backup.maxAgeHours,
      hasEdge: settings.edge.controller === 'traefik',
      hasCollector: settings.tracing.enabled,
      replicas: settings.app.replicas,
      ...limitsOfService(settings),
      budgetDays: settings.prometheus.budgetDays.map((days) => Number(days) as BudgetDays),
      retentionDays: settings.prometheus.retentionDays,
    }).map((file) => [file.name, file.content]),
  );
  const health = (path: string) => ({ httpGet: { path, port: 'web' } });
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.prometheus,
    graceSeconds: 120,
    config: { config, rules },
    volumes: {
      config: { configMap: 'prometheus-config' },
      rules: { configMap: 'prometheus-rules' },
      tls: { secret: 'case-service-tls', only: ['ca.crt'] },
      ...(withSecret.length > 0 ? { secrets: { secret: 'prometheus-secrets' } } : {}),
    },
    containers: [
      {
        name,
        image: imageOf(settings, 'prometheus'),
        args: [
          '--config.file=/etc/prometheus/prometheus.yml',
          '--storage.tsdb.path=/prometheus',
          `--storage.tsdb.retention.time=${settings.prometheus.retentionDays}d`,
          // Deletes early rather than fill the volume: the write-ahead log needs the rest.
          `--storage.tsdb.retention.size=${Math.floor(settings.prometheus.storage * 0.8 * 1024)}MB`,
          `--web.listen-address=:${ports.prometheus}`,
          // Prometheus asks for OpenMetrics by itself, and forgets the traces in it unless told to keep them.
          '--enable-feature=exemplar-storage',
        ],
        ports: { web: ports.prometheus },
        mounts: {
          config: '/etc/prometheus',
          rules: '/etc/prometheus-rules',
          tls: '/run/tls',
          ...(withSecret.length > 0 ? { secrets: secretsDirectory } : {}),
          data: '/prometheus',
        },
        writable: ['data'],
        startup: { ...health('/-/ready'), periodSeconds: 2, failureThreshold: 300 },
        readiness: { ...health('/-/ready'), periodSeconds: 5 },
        liveness: { ...health('/-/healthy'), periodSeconds: 15, failureThreshold: 4 },
        cpu: 200,
        memory: settings.prometheus.memory,
      },
    ],
  });
  return {
    name,
    after: ['namespace', 'network', 'case-service'],
    secrets:
      withSecret.length > 0
        ? [
            {
              name: 'prometheus-secrets',
              component: name,
              files: Object.fromEntries(
                withSecret.map((store) => [store.name, plainValue(`config/remote-write-${store.name}`)]),
              ),
            },
          ]
        : [],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'prometheus-config', name, config),
      configMap(settings, 'prometheus-rules', name, rules),
      statefulSet(settings, name, template, {
        replicas: 1,
        service: name,
        volumes: { data: settings.prometheus.storage },
      }),
      service(settings, { name, component: name, ports: { web: ports.prometheus }, headless: true }),
    ],
  };
}

/** The limits of a replica's container, as its Deployment has them. */
function limitsOfService(settings: Settings) {
  const deployment = caseService(settings).manifests.find(({ kind }) => kind === 'Deployment') as unknown as {
    spec: { template: { spec: { containers: { resources: { limits: Record<string, string> } }[] } } };
  };
  const limits = deployment.spec.template.spec.containers[0]?.resources.limits;
  return {
    cpuCores: amountOf(limits?.cpu),
    memoryMib: amountOf(limits?.memory) / 2 ** 20,
  };
}
