import { existsSync } from 'node:fs';
import { defaultPolicies } from '../../contract/policies.ts';
import { testedPerReplica } from './capacity.ts';
import { hasZeroDigest, isPinned, isPlaceholder } from './images.ts';
import { limitsOf } from './limits.ts';
import { type Rule, refuse, refuseEach, repeated } from './rule.ts';
import type { Settings } from './schema.ts';
import { mostReplicas } from './service-environment.ts';

/** Seconds of a pod's end besides draining: preStop and some room. */
const endSeconds = 10;
const longestGraceSeconds = 600;

/** Secrets that this program makes, whatever the settings. */
const managedSecrets =
  /^(case-service|limit-gateway|redis|redis-backup|redis-exporter|edge|grafana|alertmanager|prometheus|otel-collector|trace-store)-(secrets|tls)$/;

/** The namespace, the images, the service, its users and its limits. */
export const service: readonly Rule[] = [
  refuse(
    ({ namespace }) => /^(default|kube-.*|openshift-.*|openshift)$/.test(namespace),
    ({ namespace }) => `namespace: ${namespace} belongs to the cluster; any name but default and kube-*`,
  ),
  refuse(
    ({ imagePullSecret }) => managedSecrets.test(imagePullSecret ?? ''),
    ({ imagePullSecret }) =>
      `imagePullSecret: ${imagePullSecret} is the name of a Secret that this program makes; choose another`,
  ),
  refuse(
    ({ app }) => hasZeroDigest(app.image) && !isPlaceholder(app.image),
    ({ app }) =>
      `app.image: ${app.image} has the digest of zeros, which no image has; give the digest of the image that was pushed`,
  ),
  refuseEach(
    ({ images }) => Object.entries(images).filter(([, image]) => hasZeroDigest(image ?? '')),
    ([key, image]) =>
      `images.${key}: ${image} has the digest of zeros, which no image has; give the digest of the mirrored image`,
  ),
  refuse(
    ({ transform }) =>
      transform !== undefined &&
      (transform.split('/').includes('..') || !existsSync(new URL(`../../${transform}`, import.meta.url))),
    ({ transform }) =>
      `transform: ${transform} is no file of this repository; write it, or remove the setting`,
  ),
  refuse(
    ({ app }) => app.minAvailable >= app.replicas,
    ({ app }) =>
      `app.minAvailable: ${app.minAvailable} would block every drain; less than app.replicas, which is ${app.replicas}`,
  ),
  refuse(
    ({ app }) => mostReplicas({ app }) < app.replicas,
    ({ app }) =>
      `app.autoscaling.maxReplicas: ${mostReplicas({ app })} is below app.replicas, which is ${app.replicas}`,
  ),
  refuse(
    ({ app, edge }) => edge.requestTimeoutSeconds > app.shutdownSeconds,
    ({ app, edge }) =>
      `edge.requestTimeoutSeconds: ${edge.requestTimeoutSeconds} outlives a stopping pod; at most app.shutdownSeconds, which is ${app.shutdownSeconds}`,
  ),
  refuse(
    ({ app }) => app.drainSeconds + app.shutdownSeconds + endSeconds > longestGraceSeconds,
    ({ app }) =>
      `app.shutdownSeconds: ${app.shutdownSeconds} and app.drainSeconds ${app.drainSeconds} give a pod more than the ${longestGraceSeconds} s that clusters wait; at most ${longestGraceSeconds - endSeconds} together`,
  ),
  refuse(
    ({ app }) => app.drainSeconds >= app.shutdownSeconds,
    ({ app }) =>
      `app.drainSeconds: ${app.drainSeconds} leaves no time to close; less than app.shutdownSeconds, which is ${app.shutdownSeconds}`,
  ),
  refuseEach(
    ({ cluster }) =>
      cluster.podCidrs.filter((cidr) => Number(cidr.split('/')[1]) < (cidr.includes(':') ? 7 : 8)),
    (cidr) => `cluster.podCidrs: ${cidr} is too wide for the service to trust; name the pods' own block`,
  ),
  refuseEach(
    ({ app }) => repeated(app.users.map(({ email }) => email.toLowerCase())),
    (email) => `app.users: ${email} is there twice; e-mail addresses must differ`,
  ),
  refuse(
    ({ app }) => app.users.length > 0 && !app.users.some(({ role }) => role === 'admin'),
    () => 'app.users: no admin; at least one must have the role admin',
  ),
  refuseEach(
    ({ limits }) => repeated(limits.map(({ name }) => name)),
    (name) => `limits: ${name} is there twice; names must differ`,
  ),
  refuseEach(
    ({ limits }) => limits.filter(({ name }) => !defaultPolicies.some((policy) => policy.name === name)),
    ({ name }) =>
      `limits: ${name} is not a policy; allowed are ${defaultPolicies.map((policy) => policy.name).join(', ')}`,
  ),
  capacity,
  ...(['tokenKeys', 'dataKeys', 'redisPasswords'] as const).map((key) =>
    refuse(
      ({ secrets: { [key]: ring } }) => !ring.accepted.includes(ring.active),
      ({ secrets: { [key]: ring } }) =>
        `secrets.${key}.active: ${ring.active} is not accepted; one of secrets.${key}.accepted, which are ${ring.accepted.join(', ') || 'none'}`,
    ),
  ),
  refuse(
    ({ secrets: { source }, app }) => source === 'existing' && app.users.length > 0,
    () => 'app.users: secrets.source existing brings its own users.json; remove them',
  ),
];

/** The shared limits together must not admit more than the load test carried; without a test nothing is claimed. */
function capacity(settings: Settings): string[] {
  const perReplica = testedPerReplica();
  if (perReplica === undefined || settings.app.limits === 'none') return [];
  const shared = limitsOf(settings).filter(({ scope }) => scope === 'global');
  const perMinute = shared.map(({ quota, windowSeconds }) => Math.ceil((quota * 60) / windowSeconds));
  const replicas = mostReplicas(settings);
  const most = Math.floor(perReplica * replicas * 60);
  const [first, ...others] = shared.map(({ name }, i) => ({ name, quota: perMinute[i] })).reverse();
  const rest = others.map(({ name, quota }) => ` and ${name} ${quota}`).join('');
  return [
    ...(perMinute.reduce((sum, quota) => sum + quota, 0) > most
      ? [
          `limits: ${first?.name} admits ${first?.quota}${rest} in 60 s, more than ${replicas} replicas carried in the load test; at most ${most} together, or more replicas`,
        ]
      : []),
    ...shared
      .filter(({ mode }) => mode === 'shadow')
      .map(
        ({ name }) =>
          `limits: ${name} admits anything, its mode being shadow, more than ${replicas} replicas carried in the load test; mode enforce and at most ${most}`,
      ),
  ];
}

const inProd: readonly Rule[] = [
  refuse(
    ({ app }) => !isPinned(app.image),
    ({ app }) => `app.image: ${app.image} has no digest; prod pins every image by @sha256:`,
  ),
  refuseEach(
    ({ images }) => Object.entries(images).filter(([, image]) => image !== undefined && !isPinned(image)),
    ([key, image]) => `images.${key}: ${image} has no digest; prod pins every image by @sha256:`,
  ),
  refuse(
    ({ tls }) => tls.issuer === 'generated',
    () => 'tls.issuer: generated is not for prod; allowed is cert-manager',
  ),
  refuse(
    ({ redis }) => redis.mode === 'single',
    () => 'redis.mode: single is not for prod; allowed are sentinel, external',
  ),
  refuse(
    ({ redis }) => redis.mode === 'sentinel' && !redis.backup.enabled,
    () => 'redis.backup.enabled: false is not for prod; replicas are no backup',
  ),
  refuse(
    ({ app }) => app.replicas < 3,
    ({ app }) => `app.replicas: ${app.replicas} is too few for prod; at least 3`,
  ),
  refuse(
    ({ app }) => !app.autoscaling,
    () => 'app.autoscaling: is missing; prod scales',
  ),
  refuse(
    ({ storage }) =>
      !storage.className || !(storage.encrypted || storage.encryptedClasses.includes(storage.className)),
    () =>
      'storage: prod names a StorageClass in storage.className and says storage.encrypted: true once checked',
  ),
  refuse(
    ({ app }) => app.logLevel === 'trace' || app.logLevel === 'debug',
    ({ app }) => `app.logLevel: ${app.logLevel} is not for prod; allowed are info, warn, error, fatal`,
  ),
  // Without the second nobody learns that alerts do not arrive.
  ...(['critical', 'heartbeat'] as const).map((severity) =>
    refuse(
      ({ alertmanager: { receivers } }) => !receivers.some((receiver) => receiver.severity === severity),
      () => `alertmanager.receivers: none has the severity ${severity}; prod has at least one`,
    ),
  ),
];

/** What is good enough to try things on, and not for production. */
export const production: readonly Rule[] = inProd.map(
  (rule) => (settings) => (settings.environment === 'prod' ? rule(settings) : []),
);
