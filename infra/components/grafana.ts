import { grafanaIni } from '../config/pending.ts';
import { ports } from '../connections.ts';
import { imageUsers } from '../images.ts';
import type { Settings } from '../settings.ts';
import { imageOf } from './image.ts';
import { type Part, plainValue } from './manifest.ts';
import { configMap, service, serviceAccount, statefulSet } from './objects.ts';
import { podTemplate } from './pod.ts';

const name = 'grafana';

/** Dashboards from files: data source, folder and dashboards are ConfigMaps, and changes in the UI are not kept. */
export function grafana(settings: Settings): Part {
  const config = { 'grafana.ini': grafanaIni() };
  const health = { httpGet: { path: '/api/health', port: 'web' } };
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.grafana,
    config,
    volumes: {
      config: { configMap: 'grafana-config' },
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
          secrets: '/run/secrets/grafana',
          data: '/var/lib/grafana',
          tmp: '/tmp',
        },
        writable: ['data', 'tmp'],
        startup: { ...health, periodSeconds: 2, failureThreshold: 150 },
        readiness: { ...health, periodSeconds: 5 },
        liveness: { ...health, periodSeconds: 15, failureThreshold: 4 },
        cpu: 100,
        memory: 256,
        disk: 128,
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
        files: { 'admin-password': plainValue('password/grafana/admin') },
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'grafana-config', name, config),
      statefulSet(settings, name, template, {
        replicas: 1,
        service: name,
        volumes: { data: settings.grafana.storage },
      }),
      service(settings, { name, component: name, ports: { web: ports.grafana }, headless: true }),
    ],
  };
}
