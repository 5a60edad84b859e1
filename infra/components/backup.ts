import { ports } from '../../contract/ports.ts';
import { backupScript, restoreScript } from '../config/backup.ts';
import { metadata } from '../kubernetes/labels.ts';
import type { Component } from '../kubernetes/manifest.ts';
import { configMap, serviceAccount, volumeClaim } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { primaryName, redisHosts } from '../settings/service-environment.ts';
import { sentinelInput } from './redis.ts';
import { redisPassword } from './redis-client.ts';

const name = 'redis-backup';

/** Copies of Redis on a volume of their own, taken over TLS by a user that can do nothing else. */
export function backup(settings: Settings): Component {
  const sentinel = settings.redis.mode === 'sentinel';
  const scripts = {
    'backup.sh': backupScript({
      hosts: redisHosts(settings),
      redisPort: ports.redis,
      ...(sentinel ? { sentinelPort: ports.sentinel } : {}),
      primaryName,
      tlsDirectory: '/run/tls',
      secretsDirectory: '/run/secrets/backup',
      backupDirectory: '/backup',
      keep: settings.redis.backup.keep,
    }),
    'restore.sh': restoreScript({
      dataDirectory: '/data',
      backupDirectory: '/backup',
      ...(sentinel ? { sentinel: sentinelInput(settings) } : {}),
    }),
  };
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.redis,
    restartPolicy: 'Never',
    config: scripts,
    volumes: {
      scripts: { configMap: 'redis-backup-scripts' },
      secrets: { secret: 'redis-backup-secrets' },
      tls: { secret: 'redis-tls', only: ['ca.crt'] },
      backup: { claim: 'redis-backup' },
      tmp: { scratch: 16 },
    },
    containers: [
      {
        name: 'backup',
        image: imageOf(settings, 'redis'),
        command: ['sh', '/etc/backup/backup.sh'],
        mounts: {
          scripts: '/etc/backup',
          secrets: '/run/secrets/backup',
          tls: '/run/tls',
          backup: '/backup',
          tmp: '/tmp',
        },
        writable: ['backup', 'tmp'],
        cpu: 50,
        memory: 96,
      },
    ],
  });
  return {
    name: 'backup',
    after: ['namespace', 'network', 'redis'],
    secrets: [
      {
        name: 'redis-backup-secrets',
        component: name,
        files: {
          'backup-password': redisPassword(settings, 'backup'),
          ...(sentinel ? { 'sentinel-client-password': redisPassword(settings, 'sentinel-client') } : {}),
        },
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'redis-backup-scripts', name, scripts),
      volumeClaim(settings, name, name, settings.redis.backup.storage),
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: metadata(settings, name, name),
        spec: {
          schedule: settings.redis.backup.schedule,
          timeZone: 'Etc/UTC',
          concurrencyPolicy: 'Forbid',
          startingDeadlineSeconds: 600,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 2,
          jobTemplate: {
            metadata: { labels: template.metadata?.labels },
            spec: { backoffLimit: 2, activeDeadlineSeconds: 1800, ttlSecondsAfterFinished: 86_400, template },
          },
        },
      },
    ],
  };
}
