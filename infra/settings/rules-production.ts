import { isPinned } from '../images.ts';
import { problem, type Rule } from './rule.ts';

/** What is good enough to try things on, and not for production. */
export const production: Rule = (settings) => {
  if (settings.environment !== 'prod') return [];
  const { app, redis: store, tls, storage, images } = settings;
  return [
    ...problem(
      !isPinned(app.image),
      () => `app.image: ${app.image} has no digest; prod pins every image by @sha256:`,
    ),
    ...Object.entries(images).flatMap(([key, reference]) =>
      problem(
        reference !== undefined && !isPinned(reference),
        () => `images.${key}: ${reference} has no digest; prod pins every image by @sha256:`,
      ),
    ),
    ...problem(
      tls.issuer === 'generated',
      () => 'tls.issuer: generated is not for prod; allowed is cert-manager',
    ),
    ...problem(
      store.mode === 'single',
      () => 'redis.mode: single is not for prod; allowed are sentinel, external',
    ),
    ...problem(
      store.mode === 'sentinel' && !store.backup.enabled,
      () => 'redis.backup.enabled: false is not for prod; replicas are no backup',
    ),
    ...problem(app.replicas < 3, () => `app.replicas: ${app.replicas} is too few for prod; at least 3`),
    ...problem(!app.autoscaling, () => 'app.autoscaling: is missing; prod scales'),
    ...problem(
      !storage.className || !storage.encrypted,
      () =>
        'storage: prod names a StorageClass in storage.className and says storage.encrypted: true once checked',
    ),
    ...problem(
      app.logLevel === 'trace' || app.logLevel === 'debug',
      () => `app.logLevel: ${app.logLevel} is not for prod; allowed are info, warn, error, fatal`,
    ),
  ];
};
