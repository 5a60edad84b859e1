import { isPinned } from './images.ts';
import { problem, type Rule } from './rule.ts';
import type { Settings } from './schema.ts';

const inProd: readonly Rule[] = [
  ({ app }) =>
    problem(
      !isPinned(app.image),
      () => `app.image: ${app.image} has no digest; prod pins every image by @sha256:`,
    ),
  ({ images }) =>
    Object.entries(images).flatMap(([key, reference]) =>
      problem(
        reference !== undefined && !isPinned(reference),
        () => `images.${key}: ${reference} has no digest; prod pins every image by @sha256:`,
      ),
    ),
  ({ tls }) =>
    problem(
      tls.issuer === 'generated',
      () => 'tls.issuer: generated is not for prod; allowed is cert-manager',
    ),
  ({ redis: store }) =>
    problem(
      store.mode === 'single',
      () => 'redis.mode: single is not for prod; allowed are sentinel, external',
    ),
  ({ redis: store }) =>
    problem(
      store.mode === 'sentinel' && !store.backup.enabled,
      () => 'redis.backup.enabled: false is not for prod; replicas are no backup',
    ),
  ({ app }) =>
    problem(app.replicas < 3, () => `app.replicas: ${app.replicas} is too few for prod; at least 3`),
  ({ app }) => problem(!app.autoscaling, () => 'app.autoscaling: is missing; prod scales'),
  ({ storage }) =>
    problem(
      !storage.className || !storage.encrypted,
      () =>
        'storage: prod names a StorageClass in storage.className and says storage.encrypted: true once checked',
    ),
  ({ app }) =>
    problem(
      app.logLevel === 'trace' || app.logLevel === 'debug',
      () => `app.logLevel: ${app.logLevel} is not for prod; allowed are info, warn, error, fatal`,
    ),
  // Without the second nobody learns that alerts do not arrive.
  ...(['critical', 'heartbeat'] as const).map(
    (severity): Rule =>
      ({ alertmanager: { receivers } }) =>
        problem(
          !receivers.some((receiver) => receiver.severity === severity),
          () => `alertmanager.receivers: none has the severity ${severity}; prod has at least one`,
        ),
  ),
];

/** What is good enough to try things on, and not for production. */
export const production: readonly Rule[] = inProd.map(
  (rule) => (settings: Settings) => (settings.environment === 'prod' ? rule(settings) : []),
);
