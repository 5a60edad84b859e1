import { stringify } from 'yaml';
import { ports } from '../../contract/ports.ts';
import { type AlertReceiver, alertmanagerConfig, messageTemplate } from '../config/alertmanager.ts';
import { type Component, plainValue } from '../kubernetes/manifest.ts';
import { configMap, service, serviceAccount, statefulSet } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';

const name = 'alertmanager';
const secretsDirectory = '/run/secrets/alertmanager';

/**
 * Who hears of alerts. A changed configuration rolls it; a receiver's URL or password is a file, which it reads again at
 * each message.
 */
export function alertmanager(settings: Settings): Component {
  const { receivers } = settings.alertmanager;
  const config = {
    'alertmanager.yml': stringify(
      alertmanagerConfig({ receivers: receivers.map(told), templates: '/etc/alertmanager/*.tmpl' }),
    ),
    'messages.tmpl': messageTemplate,
  };
  const health = (path: string) => ({ httpGet: { path, port: 'web' } });
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.alertmanager,
    config,
    volumes: {
      config: { configMap: 'alertmanager-config' },
      ...(receivers.length > 0 ? { secrets: { secret: 'alertmanager-secrets' } } : {}),
    },
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
        mounts: {
          config: '/etc/alertmanager',
          ...(receivers.length > 0 ? { secrets: secretsDirectory } : {}),
          data: '/alertmanager',
        },
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
    secrets:
      receivers.length > 0
        ? [
            {
              name: 'alertmanager-secrets',
              component: name,
              files: Object.fromEntries(
                receivers.map((receiver) => [receiver.name, plainValue(`config/receiver-${receiver.name}`)]),
              ),
            },
          ]
        : [],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'alertmanager-config', name, config),
      statefulSet(settings, name, template, { replicas: 1, service: name, volumes: { data: 1 } }),
      service(settings, { name, component: name, ports: { web: ports.alertmanager }, headless: true }),
    ],
  };
}

type Receiver = Settings['alertmanager']['receivers'][number];

/** A receiver of the settings with the file of its secret: the URL, or the password. */
function told({ name: called, severity, kind, channel, mail, port }: Receiver): AlertReceiver {
  const one = { name: called, severity, kind };
  const file = `${secretsDirectory}/${called}`;
  if (!mail) return { ...one, urlFile: file, ...(channel ? { channel } : {}) };
  const { server, ...rest } = mail;
  return { ...one, ...rest, smarthost: `${server}:${port}`, passwordFile: file };
}
