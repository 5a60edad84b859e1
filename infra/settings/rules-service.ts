import { defaultPolicies } from '../../contract/policies.ts';
import { testedPerReplica } from './capacity.ts';
import { limitsOf } from './limits.ts';
import { problem, type Rule, repeated } from './rule.ts';
import type { Settings } from './schema.ts';

/** Pods of the service when there are most, for shares and connections. */
export function mostReplicas({ app }: Pick<Settings, 'app'>): number {
  return app.autoscaling?.maxReplicas ?? app.replicas;
}

/** The service, its users and its limits. */
export const service: readonly Rule[] = [
  ({ app }) =>
    problem(
      app.minAvailable >= app.replicas,
      () =>
        `app.minAvailable: ${app.minAvailable} would block every drain; less than app.replicas, which is ${app.replicas}`,
    ),
  ({ app }) =>
    problem(
      mostReplicas({ app }) < app.replicas,
      () =>
        `app.autoscaling.maxReplicas: ${mostReplicas({ app })} is below app.replicas, which is ${app.replicas}`,
    ),
  ({ app, edge }) =>
    problem(
      edge.requestTimeoutSeconds > app.shutdownSeconds,
      () =>
        `edge.requestTimeoutSeconds: ${edge.requestTimeoutSeconds} outlives a stopping pod; at most app.shutdownSeconds, which is ${app.shutdownSeconds}`,
    ),
  ({ app }) =>
    repeated(app.users.map(({ email }) => email.toLowerCase())).map(
      (email) => `app.users: ${email} is there twice; e-mail addresses must differ`,
    ),
  ({ app }) =>
    problem(
      app.users.length > 0 && !app.users.some(({ role }) => role === 'admin'),
      () => 'app.users: no admin; at least one must have the role admin',
    ),
  ({ limits }) =>
    repeated(limits.map(({ name }) => name)).map(
      (name) => `limits: ${name} is there twice; names must differ`,
    ),
  ({ limits }) =>
    limits
      .filter(({ name }) => !defaultPolicies.some((policy) => policy.name === name))
      .map(
        ({ name }) =>
          `limits: ${name} is not a policy; allowed are ${defaultPolicies.map((policy) => policy.name).join(', ')}`,
      ),
  capacity,
];

/** The global rule must not promise more than what was load-tested; no test, no claim. */
function capacity(settings: Settings): string[] {
  const global = limitsOf(settings).find(({ name }) => name === 'global');
  const perReplica = testedPerReplica();
  if (global === undefined || perReplica === undefined) return [];
  const { quota, windowSeconds, mode } = global;
  const replicas = mostReplicas(settings);
  const most = Math.floor(perReplica * replicas * windowSeconds);
  // Only watched, it denies nobody.
  const watched = mode === 'shadow';
  return problem(
    watched || quota > most,
    () =>
      `limits: global admits ${watched ? 'anything, its mode being shadow,' : quota} in ${windowSeconds} s, more than ${replicas} replicas carried in the load test; at most ${most}${watched ? ' and mode enforce' : ''}, or more replicas`,
  );
}
