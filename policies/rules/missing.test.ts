import { expect, test } from 'vitest';
import { violationsOf, withDefaults } from '../engine/evaluate.ts';
import { type Break, changedStack, dropped, put } from '../fixtures/change.ts';
import { type RuleName, rules } from './index.ts';

/** What a manifest leaves out is judged by what Kubernetes, Redis or Traefik then takes. */

const app = 'Deployment/case-service';
const pod = 'spec.template.spec';
const first = `${pod}.containers.0`;
const route = 'HTTPRoute/api';
const policy = 'NetworkPolicy/case-service';
const conf = (from: string, to = ''): Break => ({
  at: 'ConfigMap/redis',
  path: 'data.redis\\.conf',
  from,
  to,
});

function found(name: RuleName, changes: readonly Break[]): readonly string[] {
  const rule = rules.find((one) => one.name === name);
  if (!rule) throw new Error(`no rule ${name}`);
  return violationsOf(rule, changedStack(...changes), withDefaults(rule, {})).map(({ message }) => message);
}

test.each<[rule: RuleName, without: string, says: string, ...changes: Break[]]>([
  ['redis-tls-only', 'a port', 'redis.conf: port is not set, a plain listener', conf('port 0')],
  [
    'redis-tls-only',
    'protocols',
    'redis.conf: tls-protocols is not set',
    conf('tls-protocols "TLSv1.2 TLSv1.3"'),
  ],
  ['redis-persistent', 'appendonly', 'redis.conf: appendonly is not set', conf('appendonly yes')],
  [
    'redis-no-eviction',
    'a policy',
    'redis.conf: maxmemory-policy is not set',
    conf('maxmemory-policy noeviction'),
  ],
  ['redis-no-eviction', 'a bound', 'redis.conf: maxmemory is not bounded', conf('maxmemory 100mb')],
  [
    'edge-tls-versions',
    'a version',
    'minVersion is not set',
    dropped('TLSOption/default', 'spec.minVersion'),
  ],
  ['gateway-tls-only', 'listeners', 'has no listener', dropped('Gateway/edge', 'spec.listeners')],
  [
    'route-backend-exists',
    'ports of the Service',
    'case-service:8443 is no Service of this stack',
    dropped('Service/case-service', 'spec.ports'),
  ],
  [
    'image-pinned-by-digest',
    'an image',
    'container case-service: no image has no digest',
    dropped(app, `${first}.image`),
  ],
  [
    'image-tag-fixed',
    'an image',
    'container case-service: no image has no fixed tag',
    dropped(app, `${first}.image`),
  ],
  [
    'image-registry-allowed',
    'an image',
    'container case-service: no image is from no agreed registry',
    dropped(app, `${first}.image`),
  ],
  [
    'pod-drains-before-end',
    'a grace period',
    'terminationGracePeriodSeconds is 30, the drain takes up to 30',
    dropped(app, `${pod}.terminationGracePeriodSeconds`),
  ],
  [
    'pod-drains-before-end',
    'its seconds',
    'terminationGracePeriodSeconds is 29, the drain takes up to 30',
    put(app, `${first}.env`, [{ name: 'TOKEN_ISSUER', value: 'x' }]),
    put(app, `${pod}.terminationGracePeriodSeconds`, 29),
  ],
  [
    'workload-selector-matches',
    'labels to select by',
    'its selector does not match the labels of its own pods',
    dropped(app, 'spec.selector.matchLabels'),
  ],
  ['job-bounded', 'a job', 'no activeDeadlineSeconds', dropped('CronJob/backup', 'spec.jobTemplate')],
  [
    'statefulset-has-service',
    'a name',
    'serviceName (none) is no Service of this stack',
    dropped('StatefulSet/redis', 'spec.serviceName'),
  ],
  [
    'pdb-present',
    'labels of the pods',
    '0 budgets select its pods',
    dropped('StatefulSet/redis', 'spec.template.metadata'),
  ],
  [
    'case-service-replicas',
    'a minimum',
    '1 replicas, fewer than 3',
    dropped('HorizontalPodAutoscaler/case-service', 'spec.minReplicas'),
  ],
  [
    'network-policy-names-peers-and-ports',
    'a pod beside every namespace',
    'everybody',
    put(policy, 'spec.ingress.0.from', [{ namespaceSelector: {} }]),
  ],
  [
    'network-policy-names-peers-and-ports',
    'labels of either',
    'everybody',
    put(policy, 'spec.ingress.0.from', [{ namespaceSelector: {}, podSelector: {} }]),
  ],
  [
    'network-policy-selects-pods',
    'matchLabels',
    'a peer () is no pod of this stack',
    put(policy, 'spec.ingress.0.from.0.podSelector', {
      matchExpressions: [{ key: 'gone', operator: 'Exists' }],
    }),
  ],
  [
    'grafana-hardened',
    'what is a comment only',
    'cookie_secure',
    {
      at: 'ConfigMap/grafana',
      path: 'data.grafana\\.ini',
      from: 'cookie_secure = true',
      to: '; cookie_secure = true',
    },
  ],
  [
    'prometheus-scrapes-tls',
    'a name of the job',
    'prometheus.yml: job undefined is scraped in the clear',
    {
      at: 'ConfigMap/prometheus',
      path: 'data.prometheus\\.yml',
      from: 'job_name: case-service\n    scheme: https',
      to: 'scheme: http',
    },
  ],
  [
    'pod-volume-kinds',
    'a name',
    'volume ? is a hostPath',
    put(app, `${pod}.volumes.1`, { hostPath: { path: '/' } }),
  ],
  [
    'container-read-only-root',
    'a name',
    'container ?: ',
    dropped(app, `${first}.name`),
    dropped(app, `${first}.securityContext`),
  ],
  [
    'network-no-internet',
    'addresses',
    'egress to undefined',
    put('NetworkPolicy/prometheus', 'spec.egress.0.to.0.ipBlock', {}),
  ],
])('%s without %s: %s', (rule, _without, says, ...changes) => {
  expect(found(rule, changes)).toContainEqual(expect.stringContaining(says));
});

test.each<[rule: RuleName, what: string, ...changes: Break[]]>([
  [
    'gateway-own-namespace-routes',
    'a gateway that says nothing: its own namespace',
    dropped('Gateway/edge', 'spec.listeners.0.allowedRoutes'),
  ],
  ['route-only-to-public-ports', 'a route without rules', dropped(route, 'spec.rules')],
  ['route-backend-exists', 'a route without rules', dropped(route, 'spec.rules')],
  [
    'route-backend-exists',
    'a backend that is no Service',
    put(route, 'spec.rules.0.backendRefs.0', { kind: 'TraefikService', name: 'api@internal' }),
  ],
  [
    'edge-headers',
    'headers by the switches of Traefik',
    put('Middleware/headers', 'spec.headers', {
      stsSeconds: 31_536_000,
      frameDeny: true,
      contentTypeNosniff: true,
      browserXssFilter: true,
      contentSecurityPolicy: "default-src 'none'",
    }),
  ],
  ['edge-headers', 'a middleware of another kind', dropped('Middleware/headers', 'spec')],
  ['rbac-no-wildcards', 'a role without rules', dropped('Role/edge', 'rules')],
  ['rbac-no-broad-binding', 'a binding to no role', dropped('RoleBinding/edge', 'roleRef')],
  [
    'storage-encrypted',
    'a workload that keeps nothing',
    dropped('StatefulSet/redis', 'spec.volumeClaimTemplates'),
  ],
  [
    'network-policy-names-peers-and-ports',
    'named pods of every namespace',
    put(policy, 'spec.ingress.0.from', [{ namespaceSelector: {}, podSelector: { matchLabels: { a: 'b' } } }]),
  ],
  ['secret-files-private', 'a container that mounts nothing', dropped(app, `${first}.volumeMounts`)],
  ['configmap-holds-no-secret', 'a ConfigMap without data', dropped('ConfigMap/redis', 'data')],
  [
    'generated-secret-strength',
    'an RSA key of the default length',
    put('tls:index/privateKey:PrivateKey/token', '', { algorithm: 'RSA' }),
  ],
])('%s lets pass: %s', (rule, _what, ...changes) => {
  expect(found(rule, changes)).toEqual([]);
});

test('a change that finds nothing to change is an error: the rule would pass for the wrong reason', () => {
  expect(() => changedStack({ remove: 'Deployment/gone' })).toThrow('the stack has no Deployment/gone');
  expect(() => changedStack(conf('no such line'))).toThrow('does not hold no such line');
});
