import { expect, test } from 'vitest';
import { type Case, problems } from '../../test/support/environment-settings.ts';

/** What is good enough elsewhere. */
const wrong: Case[] = [
  [
    'prod',
    { 'app.image': 'registry.example/a:1' },
    ['app.image: registry.example/a:1 has no digest; prod pins every image by @sha256:'],
  ],
  [
    'prod',
    { 'images.redis': 'mirror.example/redis:8' },
    ['images.redis: mirror.example/redis:8 has no digest; prod pins every image by @sha256:'],
  ],
  [
    'prod',
    { 'tls.issuer': 'generated', 'tls.edgeIssuer': undefined, 'tls.internalIssuer': undefined },
    ['tls.issuer: generated is not for prod; allowed is cert-manager'],
  ],
  [
    'prod',
    { 'redis.mode': 'single' },
    ['redis.mode: single is not for prod; allowed are sentinel, external'],
  ],
  [
    'prod',
    { 'redis.backup.enabled': false },
    ['redis.backup.enabled: false is not for prod; replicas are no backup'],
  ],
  ['prod', { 'app.replicas': 2, 'app.minAvailable': 1 }, ['app.replicas: 2 is too few for prod; at least 3']],
  ['prod', { 'app.autoscaling': undefined }, ['app.autoscaling: is missing; prod scales']],
  [
    'prod',
    { 'storage.encrypted': false },
    ['storage: prod names a StorageClass in storage.className and says storage.encrypted: true once checked'],
  ],
  [
    'prod',
    { 'app.logLevel': 'debug' },
    ['app.logLevel: debug is not for prod; allowed are info, warn, error, fatal'],
  ],
  [
    'prod',
    { 'alertmanager.receivers': [] },
    [
      'alertmanager.receivers: none has the severity critical; prod has at least one',
      'alertmanager.receivers: none has the severity heartbeat; prod has at least one',
    ],
  ],
  [
    'prod',
    {
      'alertmanager.receivers': [
        { name: 'pager', severity: 'critical', cidrs: ['192.0.2.1/32'] },
        { name: 'chat', severity: 'warning', cidrs: ['192.0.2.1/32'] },
      ],
    },
    ['alertmanager.receivers: none has the severity heartbeat; prod has at least one'],
  ],
];

test.each(wrong)('%s with %j', (environment, changes, expected) => {
  expect([...problems(environment, changes)].sort()).toEqual([...expected].sort());
});
