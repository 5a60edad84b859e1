import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { gatewayKinds, tool } from '../test/support/programs.ts';
import { missingPrerequisites, prerequisites } from './prerequisites.ts';
import { loadSettings } from './settings/index.ts';

const existing = {
  'edge.controller': 'existing',
  'edge.existing': { gatewayClass: 'shared', namespace: 'gateways', podLabels: { app: 'proxy' } },
};

test('asks for what the settings need, and no more', () => {
  const names = (environment: string, changes = {}) =>
    prerequisites(loadSettings(environment, changes)).map(({ what }) => what.replace(/,.*/, ''));
  const always = 'Kubernetes 1.34 or newer';
  expect(names('dev')).toEqual([always, 'the Gateway API of version 1.5 or newer']);
  expect(names('dev', existing)).toEqual([
    always,
    'the Gateway API of version 1.4 or newer',
    'GatewayClass shared (edge.existing.gatewayClass)',
  ]);
  expect(names('dev', { 'edge.gatewayApi': false })).toEqual([always]);
  expect(names('prod')).toEqual([
    always,
    'the Gateway API of version 1.5 or newer',
    'metrics-server',
    'cert-manager (tls.issuer)',
    'ClusterIssuer public (tls.edgeIssuer)',
    'ClusterIssuer internal (tls.internalIssuer)',
    'StorageClass encrypted (storage.className)',
  ]);
});

describe('with a cluster', () => {
  let folder: string;
  const notFound = 'Error from server (NotFound): it is not found';
  const good = {
    readyz: 'ok',
    version: '{"major":"1","minor":"34+"}',
    gateway: JSON.stringify({ resources: gatewayKinds.map((name) => ({ name })) }),
    metrics: JSON.stringify({ status: { conditions: [{ type: 'Available', status: 'True' }] } }),
    certManager: '{}',
    issuer: '{"spec":{"ca":{}}}',
    storage: 'encrypted',
  };
  type Answers = Record<keyof typeof good, string>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prerequisites-'));
    vi.stubEnv('PATH', folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** A kubectl that gives these answers, and fails with those that begin with Error. */
  function cluster(answers: Partial<Answers>): void {
    const says: Answers = { ...good, ...answers };
    const answer = (text: string) => {
      const print = `echo '${text.replaceAll("'", `'\\''`)}'`;
      return text.startsWith('Error') ? `${print} >&2; exit 1` : print;
    };
    tool(
      folder,
      'kubectl',
      `case "$*" in
         *readyz*) ${answer(says.readyz)};;
         *version*) ${answer(says.version)};;
         *gateway*) ${answer(says.gateway)};;
         *metrics*) ${answer(says.metrics)};;
         *clusterissuer*) ${answer(says.issuer)};;
         *cert-manager*) ${answer(says.certManager)};;
         *storageclass*) ${answer(says.storage)};;
       esac`,
    );
  }
  const missing = () => missingPrerequisites(loadSettings('prod'));

  test('that has all of it, nothing is missing', async () => {
    cluster({});
    expect(await missing()).toEqual([]);
  });

  const without = (kind: string) =>
    JSON.stringify({ resources: gatewayKinds.filter((name) => name !== kind).map((name) => ({ name })) });
  const cases: [string, Partial<Answers>, RegExp][] = [
    ['an old Kubernetes', { version: '{"major":"1","minor":"33"}' }, /^Kubernetes 1\.34 or newer: upgrade/],
    ['no Gateway API', { gateway: notFound }, /^the Gateway API .* 1\.5 .*: kubectl apply --server-side -f/],
    ['one that does not serve TLSRoutes as v1', { gateway: without('tlsroutes') }, /^the Gateway API/],
    ['no metrics-server', { metrics: notFound }, /^metrics-server.*: kubectl apply -f https:/],
    [
      'a metrics-server that does not answer',
      { metrics: JSON.stringify({ status: { conditions: [{ type: 'Available', status: 'False' }] } }) },
      /^metrics-server, available/,
    ],
    ['a metrics-server of which nothing is known yet', { metrics: '{}' }, /^metrics-server/],
    ['no cert-manager', { certManager: notFound }, /^cert-manager/],
    [
      'an ACME issuer for names inside',
      { issuer: '{"spec":{"acme":{}}}' },
      /^ClusterIssuer internal .* of another kind than ACME/,
    ],
    ['no such StorageClass', { storage: notFound }, /^StorageClass encrypted/],
    [
      'a kind that is unknown',
      { storage: "Error: the server doesn't have a resource type" },
      /^StorageClass/,
    ],
  ];
  test.each(cases)('%s is said with the remedy', async (_, answers, expected) => {
    cluster(answers);
    const found = await missing();
    expect(found).toEqual([expect.stringMatching(expected)]);
  });

  test('that may not be asked, it is not said that something is missing', async () => {
    cluster({ storage: 'Error from server (Forbidden): no', certManager: 'Error: i/o timeout' });
    await expect(missing()).rejects.toThrow(
      /could not look for cert-manager .*: Error: i\/o timeout\ncould not look for StorageClass .*Forbidden/,
    );
  });

  test('that does not answer, or without kubectl, that is what is said', async () => {
    cluster({ readyz: 'Error: connection refused' });
    await expect(missing()).rejects.toThrow('no cluster answers: Error: connection refused');
    rmSync(join(folder, 'kubectl'));
    await expect(missing()).rejects.toThrow('kubectl is not installed: https://');
  });

  test('of another context than the current one, every question goes there, and none waits forever', async () => {
    cluster({});
    await missingPrerequisites(loadSettings('prod', { 'cluster.context': 'there' }));
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toHaveLength(8);
    for (const call of calls) expect(call).toMatch(/--request-timeout=10s --context=there$/);
  });
});
