import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Evaluated, evaluate } from './evaluate.ts';
import { type RenderOptions, renderEnvironment, renderManifests } from './render.ts';
import { environments } from './settings/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'render-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(options: Partial<RenderOptions>) {
  const lines: string[] = [];
  const all = { environments: ['dev'], check: false, set: [], secret: [], revealSecrets: false, ...options };
  const status = await renderManifests(all, (line) => void lines.push(line));
  return { status, text: lines.join('\n') };
}

describe('rendering', () => {
  test('is the same twice, one object per file, with markers for secrets', () => {
    for (const environment of environments) {
      const files = renderEnvironment(environment);
      expect([...renderEnvironment(environment)]).toEqual([...files]);
      for (const [file, content] of files) {
        const object = parse(content) as {
          kind: string;
          metadata: { name: string };
          data?: Record<string, string>;
        };
        expect(file.endsWith(`/${object.kind.toLowerCase()}-${object.metadata.name}.yaml`)).toBe(true);
        if (object.kind === 'Secret')
          for (const [key, value] of Object.entries(object.data ?? {}))
            expect(value).toBe(`secret:${object.metadata.name}/${key}`);
      }
    }
  });

  test('shows what the program registers, value by value', async () => {
    for (const environment of environments) {
      const evaluated = await evaluate(environment);
      const rendered = [...renderEnvironment(environment).values()].map(
        (content) => parse(content) as Rendered,
      );
      const registered = kubernetesObjects(evaluated);
      expect(rendered.map(identity).sort()).toEqual([...registered.keys()].sort());
      for (const object of rendered)
        expect(withoutData(registered.get(identity(object)) as Rendered)).toEqual(withoutData(object));
    }
  });

  test('a changed setting is a small change', () => {
    const before = renderEnvironment('prod');
    const after = renderEnvironment('prod', { 'app.cpu': 600 });
    const changed = [...after]
      .filter(([file, content]) => before.get(file) !== content)
      .map(([file]) => file);
    expect(changed).toEqual([
      'quotas/resourcequota-namespace.yaml',
      'case-service/deployment-case-service.yaml',
      // The alert on saturation has the limit of the container.
      'prometheus/configmap-prometheus-rules.yaml',
      'prometheus/statefulset-prometheus.yaml',
    ]);
  });

  test('what is committed is current', async () => {
    expect(await run({ environments: [], check: true })).toMatchObject({ status: 0 });
  });
});

describe('the command', () => {
  test('finds what is stale, writes it, and removes what is no more', async () => {
    const out = join(folder, 'plain');
    expect((await run({ out, check: true })).status).toBe(1);
    expect(await run({ out })).toMatchObject({
      status: 0,
      text: expect.stringMatching(/\d+ file\(s\) changed/) as string,
    });
    expect((await run({ out, check: true })).status).toBe(0);
    const without = await run({
      out,
      set: [
        'grafana.mode=external',
        'grafana.url=https://g.example',
        'grafana.prometheusUrl=https://p.example',
      ],
    });
    expect(without.status).toBe(0);
    expect(
      readdirSync(join(out, 'dev'), { recursive: true }).filter((file) =>
        String(file).includes('statefulset-grafana'),
      ),
    ).toEqual([]);
  });

  test('writes fresh secrets for its owner alone, and keeps them on a second run', async () => {
    const out = join(folder, 'revealed');
    expect(await run({ revealSecrets: true, out })).toMatchObject({ status: 0 });
    const file = join(out, 'dev/case-service/secret-case-service-secrets.yaml');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(out, 'dev')).mode & 0o777).toBe(0o700);
    const first = readFileSync(file, 'utf8');
    const { data } = parse(first) as { data: Record<string, string> };
    const keys = JSON.parse(Buffer.from(data['token-keys.json'] as string, 'base64').toString()) as {
      active: string;
      keys: { kid: string; d: string }[];
    };
    expect(keys.keys.map(({ kid }) => kid)).toContain(keys.active);
    expect(Buffer.from(keys.keys[0]?.d ?? '', 'base64url')).toHaveLength(32);
    expect((await run({ revealSecrets: true, out, set: ['app.replicas=3'] })).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(first);
    const tls = parse(readFileSync(join(out, 'dev/redis/secret-redis-tls.yaml'), 'utf8')) as {
      data: Record<string, string>;
    };
    const [leaf, authority] = ['tls.crt', 'ca.crt'].map(
      (key) => new X509Certificate(Buffer.from(tls.data[key] as string, 'base64')),
    );
    expect(leaf?.verify(authority?.publicKey as never)).toBe(true);
    expect(leaf?.checkHost('redis-0.redis.simple378-dev.svc')).toBeTruthy();
  });

  test('closes a folder that was written for all before', async () => {
    const out = join(folder, 'opened');
    mkdirSync(out);
    chmodSync(out, 0o755);
    expect(await run({ out })).toMatchObject({ status: 0 });
    expect(await run({ revealSecrets: true, out })).toMatchObject({ status: 0 });
    const mode = (...path: string[]) => (statSync(join(out, ...path)).mode & 0o777).toString(8);
    expect([mode(), mode('dev'), mode('dev.material.json')]).toEqual(['755', '700', '600']);
    const inside = readdirSync(join(out, 'dev'), { recursive: true, encoding: 'utf8' });
    expect([...new Set(inside.map((file) => mode('dev', file)))].sort()).toEqual(['600', '700']);
  });

  test.each<[Partial<RenderOptions>, string]>([
    [{ revealSecrets: true }, 'need --out DIR'],
    [{ set: ['app.replicas=3'] }, 'need --out DIR'],
    [{ set: ['nothing'], out: folder }, 'expected KEY=VALUE'],
    [
      { revealSecrets: true, out: fileURLToPath(new URL('../rendered/secret', import.meta.url)) },
      'inside the repository',
    ],
    [{ environments: ['qa'] }, 'there is no Pulumi.qa.yaml'],
    [{ out: folder, set: ['app.replicas=0'] }, 'app.replicas: 0 is not allowed'],
  ])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message);
  });
});

interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; annotations?: Record<string, string> };
  data?: Record<string, unknown>;
}

const identity = ({ kind, metadata }: Rendered) => `${kind}/${metadata.name}`;

/** Without what only the engine has: values of Secrets and of the authority, and annotations for Pulumi itself. */
function withoutData({ data, ...object }: Rendered) {
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(
    ([key]) => !key.startsWith('pulumi.com/'),
  );
  const keep = object.kind === 'ConfigMap' && object.metadata.name !== 'authority';
  return {
    ...object,
    metadata: { ...object.metadata, annotations: Object.fromEntries(annotations) },
    ...(keep ? { data } : {}),
  };
}

function kubernetesObjects({ resources }: Evaluated): Map<string, Rendered> {
  return new Map(
    resources
      .filter(({ type }) => type.startsWith('kubernetes:'))
      .map(({ props }) => [identity(props as unknown as Rendered), props as unknown as Rendered]),
  );
}
