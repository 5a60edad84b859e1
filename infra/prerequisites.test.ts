import { expect, test } from 'vitest';
import { missingPrerequisites, prerequisites } from './prerequisites.ts';
import { loadSettings } from './settings.ts';

const existing = {
  'edge.controller': 'existing',
  'edge.existing': { gatewayClass: 'shared', namespace: 'gateways', podLabels: { app: 'proxy' } },
};

test('asks for what the settings need, and no more', () => {
  const names = (environment: string, changes = {}) =>
    prerequisites(loadSettings(environment, changes)).map(({ what }) =>
      what.split(/[ ,]/).slice(0, 2).join(' '),
    );
  expect(names('dev')).toEqual(['the Gateway']);
  expect(names('dev', existing)).toEqual(['the Gateway', 'GatewayClass shared']);
  expect(names('prod')).toEqual([
    'the Gateway',
    'metrics-server ',
    'cert-manager (tls.issuer)',
    'StorageClass encrypted',
  ]);
});

test('names what is missing with the command that brings it', async () => {
  const call = async (args: readonly string[]) => ({ ok: !args.includes('apiservice'), said: '' });
  const missing = await missingPrerequisites(loadSettings('prod'), call);
  expect(missing).toHaveLength(1);
  expect(missing[0]).toMatch(/^metrics-server.*: kubectl apply -f https:/);
});

test('says when no cluster answers', async () => {
  const call = async () => ({ ok: false, said: 'connection refused' });
  await expect(missingPrerequisites(loadSettings('dev'), call)).rejects.toThrow(
    'no cluster answers: connection refused',
  );
});
