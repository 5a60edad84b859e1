import { stringify } from 'yaml';
import { type AlertReceiver, alertmanagerConfig, messageTemplate } from '../config/alertmanager.ts';
import { ports } from '../connections.ts';
import { imageUsers } from '../images.ts';
import type { Settings } from '../settings.ts';
import { imageOf } from './image.ts';
import type { Part } from './manifest.ts';
import { service, serviceAccount, statefulSet } from './objects.ts';
import { podTemplate } from './pod.ts';

const name = 'alertmanager';

/** Who hears of alerts. Its configuration is a Secret, since a receiver's URL is one. */
export function alertmanager(settings: Settings): Part {
  const { receivers } = settings.alertmanager;
  const health = (path: string) => ({ httpGet: { path, port: 'web' } });
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.alertmanager,
    config: { receivers },
    volumes: { config: { secret: 'alertmanager-config' } },
    containers: [
      {
        name,
        image: imageOf(settings, 'alertmanager'),
        args: [
          '--config.file=/etc/alertmanager/alertmanager.yml',
          '--storage.path=/alertmanager',
          `--web.listen-address=:${ports.alertmanager}`,
          // One instance: no gossip, no port for it.
          '--cluster.listen-address=',
        ],
        ports: { web: ports.alertmanager },
        mounts: { config: '/etc/alertmanager', data: '/alertmanager' },
        writable: ['data'],
        readiness: { ...health('/-/ready'), periodSeconds: 5 },
        liveness: { ...health('/-/healthy'), periodSeconds: 15, failureThreshold: 4 },
        cpu: 20,
        memory: 64,
      },
    ],
  });
  return {
    name,
    after: ['namespace', 'network'],
    secrets: [
      {
        name: 'alertmanager-config',
        component: name,
        files: {
          'alertmanager.yml': {
            from: receivers.map((receiver) => `config/receiver-${receiver.name}`),
            write: (...secrets) =>
              stringify(
                alertmanagerConfig({
                  receivers: receivers.map((receiver, index) => told(receiver, secrets[index] as string)),
                  templates: '/etc/alertmanager/*.tmpl',
                }),
              ),
          },
          'messages.tmpl': { from: [], write: () => messageTemplate },
        },
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      statefulSet(settings, name, template, { replicas: 1, service: name, volumes: { data: 1 } }),
      service(settings, { name, component: name, ports: { web: ports.alertmanager }, headless: true }),
    ],
  };
}

type Receiver = Settings['alertmanager']['receivers'][number];

/** A receiver of the settings with its secret: the URL, or the password. */
function told(
  { name: called, severity, kind, channel, mail, port }: Receiver,
  secret: string,
): AlertReceiver {
  const one = { name: called, severity, kind };
  if (!mail) return { ...one, url: secret, ...(channel ? { channel } : {}) };
  const { server, ...rest } = mail;
  return { ...one, ...rest, smarthost: `${server}:${port}`, password: secret };
}
