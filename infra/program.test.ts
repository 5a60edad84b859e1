import { createHash } from 'node:crypto';
import { RunError } from '@pulumi/pulumi';
import { afterEach, describe, expect, test } from 'vitest';
import { sharedGrafana } from './components/grafana-external.ts';
import { prometheus } from './components/prometheus.ts';
import {
  type Evaluated,
  type EvaluateOptions,
  type Registered,
  evaluate as run,
  secretSignature,
} from './evaluate.ts';
import { environments, loadSettings } from './settings/index.ts';

const known = new Map<string, Evaluated>();

/** Each evaluation once: it takes a third of a second. */
async function evaluate(environment: string, options: EvaluateOptions): Promise<Evaluated> {
  const key = JSON.stringify([environment, options]);
  const found = known.get(key) ?? (await run(environment, options));
  known.set(key, found);
  return found;
}

/** The stack's configuration for variants that need secrets. */
const secrets = {
  'receiver-pager': 'https://canary-receiver.example/',
  'receiver-chat': 'https://canary-chat.example/',
  'grafana-oidc-secret': 'canary-oidc',
  'grafana-token': 'canary-token',
  registry: '{"auths":{"canary-registry.example":{}}}',
  'redis-external-case-data': 'canary-external-data',
  'redis-external-case-limiter': 'canary-external-limiter',
};
const receivers = [
  { name: 'pager', severity: 'critical', cidrs: ['203.0.113.7/32'], port: 443 },
  { name: 'chat', severity: 'warning', cidrs: ['203.0.113.9/32'], port: 443 },
];
const oidc = {
  issuer: 'https://id.example',
  clientId: 'a',
  adminGroup: 'b',
  cidrs: ['203.0.113.8/32'],
  port: 443,
};

const variants: [string, string, Record<string, unknown>][] = [
  ...environments.map((environment): [string, string, Record<string, unknown>] => [
    environment,
    environment,
    {},
  ]),
  ['sentinel', 'dev', { 'redis.mode': 'sentinel' }],
  ['a private registry', 'dev', { imagePullSecret: 'registry' }],
  ['alerts and login', 'dev', { 'alertmanager.receivers': receivers, 'grafana.oidc': oidc }],
  [
    'external Redis',
    'dev',
    {
      'redis.mode': 'external',
      'redis.external': { servers: ['r.example:6380'], cluster: false, cidrs: ['198.51.100.0/24'] },
    },
  ],
  [
    'external Grafana',
    'dev',
    {
      'grafana.mode': 'external',
      'grafana.url': 'https://g.example',
      'grafana.prometheusUrl': 'https://p.example',
    },
  ],
  ['existing secrets', 'dev', { 'secrets.source': 'existing', 'app.users': [] }],
];

const wrapped = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && secretSignature in value;
const kind = ({ type }: Registered): string => type.split(':').pop() as string;

/** Paths of wrapped secrets in an object. */
function secretPaths(value: unknown, path = ''): string[] {
  if (wrapped(value)) return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => secretPaths(item, `${path}/${key}`));
}

/** Canaries in an object, in plain or in base64. */
function canaries(value: unknown): string[] {
  const text = JSON.stringify(value) ?? '';
  const decoded = [...text.matchAll(/"([A-Za-z0-9+/]{16,}={0,2})"/g)].map(([, base64]) =>
    Buffer.from(base64 as string, 'base64').toString('latin1'),
  );
  return [text, ...decoded].flatMap((part) => part.match(/canary[\w-]*/g) ?? []);
}

describe.each(variants)('%s', (_, environment, changes) => {
  let evaluated: Evaluated;
  const load = async () => {
    evaluated ??= await evaluate(environment, { changes, secrets });
    return evaluated.resources;
  };

  test('registers every resource once, as a child of its component', async () => {
    const resources = await load();
    expect(new Set(resources.map(({ urn }) => urn)).size).toBe(resources.length);
    for (const resource of resources)
      if (!/^(simple378:|pulumi:providers:)/.test(resource.type))
        expect(resource.opts.parent, resource.urn).not.toBe('');
  });

  test('keeps secrets in Secrets: none in a ConfigMap, annotation, label, env or pod', async () => {
    for (const resource of await load()) {
      const paths = secretPaths(resource.props);
      if (!resource.type.startsWith('kubernetes:')) continue;
      if (kind(resource) === 'Secret') {
        expect(paths, resource.name).toEqual(['/data']);
        expect(canaries({ ...resource.props, data: null }), resource.name).toEqual([]);
      } else {
        expect(paths, resource.name).toEqual([]);
        expect(canaries(resource.props), resource.name).toEqual([]);
      }
    }
  });

  test('marks every output with a password as secret', async () => {
    await load();
    const { users, ...open } = evaluated.outputs as { users: Record<string, SecretOutput> };
    for (const password of Object.values(users)) expect(await password.isSecret).toBe(true);
    expect(canaries(open)).toEqual([]);
  });

  test('gives every object a name of its own choice and, but for the cluster-wide, the namespace', async () => {
    const wide = ['Namespace', 'GatewayClass', 'ClusterRole', 'ClusterRoleBinding'];
    for (const resource of await load()) {
      if (!resource.type.startsWith('kubernetes:')) continue;
      const { metadata } = resource.props as { metadata: { name: string; namespace?: string } };
      expect(metadata.name, resource.urn).toBeTruthy();
      if (wide.includes(kind(resource))) expect(metadata.namespace, resource.urn).toBeUndefined();
      else expect(metadata.namespace, resource.urn).toBe(namespaceOf(evaluated));
    }
  });
});

interface SecretOutput {
  readonly isSecret: Promise<boolean>;
}
const namespaceOf = ({ outputs }: Evaluated) => (outputs as { namespace: string }).namespace;

describe('the program', () => {
  test('tells Pulumi all that is wrong with the settings, in words and without a stack trace', async () => {
    const error = await run('local', { changes: { 'redis.mode': 'twin', 'app.replicas': 0 } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(RunError.isInstance(error)).toBe(true);
    expect((error as RunError).message).toMatch(
      /2 problem[\s\S]*app\.replicas: 0 [\s\S]*redis\.mode: "twin"/,
    );
  });

  test.each(environments)(
    '%s keeps its URNs: a rename would replace what holds data',
    async (environment) => {
      const { resources } = await evaluate(environment, { changes: {}, secrets });
      await expect(
        `${resources
          .map(({ urn }) => urn)
          .sort()
          .join('\n')}\n`,
      ).toMatchFileSnapshot(`__snapshots__/urns.${environment}.txt`);
    },
  );

  test('makes no resource whose id would be a secret: ids are in the state in plain', async () => {
    const { resources } = await evaluate('dev', { changes: {}, secrets });
    expect(resources.filter(({ type }) => /RandomBytes|RandomString|RandomId$/.test(type))).toEqual([]);
  });

  test('goes to the cluster of the settings, whichever context is current', async () => {
    const contextOf = async (changes: Record<string, unknown>) => {
      const { resources } = await evaluate('dev', { changes, secrets });
      return resources.find(({ type }) => type === 'pulumi:providers:kubernetes')?.props.context;
    };
    expect(await contextOf({ 'cluster.context': 'there' })).toBe('there');
    expect(await contextOf({})).toBeUndefined();
  });

  test('protects what holds data in prod, and nothing elsewhere', async () => {
    const guarded = async (environment: string) =>
      (await evaluate(environment, { changes: {}, secrets })).resources
        .filter(({ opts }) => opts.protect)
        .map(({ name }) => name);
    expect((await guarded('prod')).sort()).toEqual([
      // What is encrypted is lost without its key.
      'bytes/data-key/2026-11-01',
      'namespace/simple378',
      'persistentvolumeclaim/redis-backup',
      'statefulset/alertmanager',
      'statefulset/grafana',
      'statefulset/prometheus',
      'statefulset/redis',
      'statefulset/trace-store',
    ]);
    expect(await guarded('dev')).toEqual([]);
  });

  test('at the first preview nothing is unknown but what holds generated values', async () => {
    const { resources } = await evaluate('dev', { preview: true });
    const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
    for (const resource of resources.filter(({ type }) => type.startsWith('kubernetes:')))
      if (JSON.stringify(resource.props).includes(unknown))
        expect(['Secret', 'ConfigMap'], resource.name).toContain(kind(resource));
  });

  test('two stacks of one cluster share no cluster-wide name', async () => {
    const names = async (namespace: string) => {
      const { resources } = await evaluate('dev', { changes: { namespace }, secrets });
      return resources
        .filter(
          ({ type, props }) =>
            type.startsWith('kubernetes:') && !(props as unknown as Metadata).metadata.namespace,
        )
        .map((resource) => `${kind(resource)}/${(resource.props as unknown as Metadata).metadata.name}`);
    };
    const one = await names('one');
    expect(one.length).toBeGreaterThan(3);
    expect(one.filter((name) => name.includes('one'))).toEqual(one);
    expect((await names('two')).filter((name) => one.includes(name))).toEqual([]);
  });

  test('an existing Grafana gets a folder, the data source and every dashboard, and its token stays secret', async () => {
    const changes = {
      'grafana.mode': 'external',
      'grafana.url': 'https://g.example',
      'grafana.prometheusUrl': 'https://p.example',
    };
    const { resources } = await evaluate('dev', { changes, secrets });
    const own = resources.filter(
      ({ type }) => type.startsWith('grafana:') || type === 'pulumi:providers:grafana',
    );
    const count = (suffix: string) => own.filter(({ type }) => type.endsWith(suffix)).length;
    expect([count('Folder'), count('DataSource'), count('Dashboard')]).toEqual([1, 1, 6]);
    const provider = own.find(({ type }) => type === 'pulumi:providers:grafana');
    expect(secretPaths(provider?.props)).toEqual(['/auth']);
    expect(canaries(own.filter((resource) => resource !== provider))).toEqual([]);
    expect(resources.some(({ name }) => name === 'statefulset/grafana')).toBe(false);
  });

  test('environments that share a Grafana overwrite nothing of each other, and alerts link to their own', () => {
    const settingsOf = (environment: string) =>
      loadSettings(environment, {
        'grafana.mode': 'external',
        'grafana.url': 'https://g.example',
        'grafana.prometheusUrl': 'https://p.example',
      });
    const [dev, staging] = ['dev', 'staging'].map((environment) =>
      sharedGrafana(settingsOf(environment)).boards.map(({ json }) => JSON.parse(json) as Board),
    ) as [Board[], Board[]];
    const uids = dev.map(({ uid }) => uid);
    expect(uids).toContain('simple378-dev');
    expect(staging.filter(({ uid }) => uids.includes(uid))).toEqual([]);
    for (const { tags, links, templating } of dev) {
      expect([tags, links[0]?.tags]).toEqual([['simple378-dev'], ['simple378-dev']]);
      expect(templating.list.find(({ name }) => name === 'datasource')?.current).toEqual({
        text: 'Simple378 dev',
        value: 'simple378-dev-prometheus',
      });
    }
    const rules = JSON.stringify(prometheus(settingsOf('dev')).manifests);
    const linked = [...rules.matchAll(/https:\/\/g\.example\/d\/([\w-]+)\?/g)].map(
      ([, uid]) => uid as string,
    );
    expect(linked.length).toBeGreaterThan(10);
    expect(linked.filter((uid) => !uids.includes(uid))).toEqual([]);
  });

  test('a rotated Redis password changes Secrets, and rolls no pod', async () => {
    const ring = { active: '2027-01-01', accepted: ['2026-11-01', '2027-01-01'] };
    const before = await evaluate('dev', { changes: {}, secrets });
    const after = await evaluate('dev', { changes: { 'secrets.redisPasswords': ring }, secrets });
    expect(changedNames(before, after)).toEqual([
      'secret/case-service-secrets',
      'secret/redis-backup-secrets',
      'secret/redis-secrets',
    ]);
  });

  test('a changed limit rolls the service alone', async () => {
    const before = await evaluate('dev', { changes: {}, secrets });
    const limits = [...loadSettings('dev').limits, { name: 'default', quota: 50 }];
    const after = await evaluate('dev', { changes: { limits } });
    expect(changedNames(before, after)).toEqual(['configmap/case-service-config', 'deployment/case-service']);
  });

  test('a data key that was carried here is taken, and none is made', async () => {
    const carried = { ...secrets, 'data-key-2026-11-01': 'letters of another stack' };
    const here = await evaluate('dev', { changes: {}, secrets: carried });
    const made = ({ resources }: Evaluated) =>
      resources.some(({ name }) => name === 'bytes/data-key/2026-11-01');
    expect([made(here), made(await evaluate('dev', { changes: {}, secrets }))]).toEqual([false, true]);
    const secret = here.resources.find(({ name }) => name === 'secret/case-service-secrets') as Registered;
    const { value } = (secret.props as { data: SecretInput }).data;
    const keys = Buffer.from(value['data-keys.json'] as string, 'base64').toString();
    expect(keys).toContain(createHash('sha256').update('letters of another stack').digest('base64'));
    expect(changedNames(await evaluate('dev', { changes: {}, secrets }), here)).toEqual([
      'secret/case-service-secrets',
    ]);
  });

  test('stops with every problem of the settings', async () => {
    await expect(evaluate('dev', { changes: { 'app.replicas': 0, colour: 1 }, secrets })).rejects.toThrow(
      /2 problem\(s\)/,
    );
  });
});

interface Board {
  readonly uid: string;
  readonly tags: readonly string[];
  readonly links: readonly { readonly tags: readonly string[] }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly current?: object }[] };
}

interface SecretInput {
  readonly value: Readonly<Record<string, string>>;
}

interface Metadata {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Names of Kubernetes objects that differ between two evaluations. */
function changedNames(before: Evaluated, after: Evaluated): string[] {
  const content = ({ resources }: Evaluated) =>
    new Map(
      resources
        .filter(({ type }) => type.startsWith('kubernetes:'))
        .map(({ name, props }) => [name, JSON.stringify(props)]),
    );
  const old = content(before);
  return [...content(after)]
    .filter(([name, props]) => old.get(name) !== props)
    .map(([name]) => name)
    .sort();
}

afterEach(() => {
  // Evaluations replace Pulumi's global runtime; none may be left running.
  expect(process.exitCode ?? 0).toBe(0);
});
