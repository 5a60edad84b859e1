import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { canariesOf, hits } from './canaries.ts';
import { logTo, mustSucceed } from './checks.ts';
import { differences, engineFindings, programFindings } from './findings.ts';
import { checkPreviews, noneInPlain, withoutDebug } from './preview.ts';
import type { Workspace } from './workspace.ts';

const password = 'correcthorsebatterystaplecorrecthorse';
const { privateKey, publicKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'sec1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
/** The secret part is in the first line, the public key fills the others. */
const [, keyLine = '', publicLine = ''] = privateKey.split('\n');
const secret = (value: string) => ({
  '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
  plaintext: JSON.stringify(value),
});
const resource = (type: string, name: string, outputs: Record<string, unknown>) => ({
  urn: `urn:pulumi:dev::simple378::simple378:infra:Material$${type}::${name}`,
  type,
  outputs,
});
const state = JSON.stringify({
  deployment: {
    resources: [
      resource('random:index/randomPassword:RandomPassword', 'bytes/data-key', { result: secret(password) }),
      resource('tls:index/privateKey:PrivateKey', 'authority', {
        privateKeyPem: secret(privateKey),
        publicKeyPem: publicKey,
      }),
      resource('kubernetes:core/v1:ConfigMap', 'authority', { data: { 'ca.crt': 'public' } }),
    ],
  },
});

test('every generated secret is looked for, keys by their lines that are not public, and in the form the program gives them', () => {
  const canaries = canariesOf(state);
  expect(canaries.map(({ name }) => name)).toEqual([
    'bytes/data-key result',
    'bytes/data-key result, as key',
    'authority privateKeyPem line 1',
  ]);
});

test.each([
  ['as it is', `password: ${password}`],
  ['in base64, at any place', Buffer.from(`user case-data on >${password} ~*`).toString('base64')],
  ['of a key', JSON.stringify({ key: `-----BEGIN-----\n${keyLine}\n` })],
])('a secret in plain is found %s', (_, text) => {
  expect(hits(text, canariesOf(state))).toHaveLength(1);
  expect(() => noneInPlain(state, { preview: text })).toThrow(/ is in preview$/);
});

test('the public part of a key is no secret, wherever it stands', () => {
  expect(hits(`${publicKey}\n${publicLine}`, canariesOf(state))).toEqual([]);
});

test('nothing is found where nothing is, and a state without secrets proves nothing', () => {
  expect(noneInPlain(state, { preview: 'data: [secret]' })).toBe('3 values, 0 hits in preview');
  expect(() => noneInPlain('{"deployment":{}}', { preview: '' })).toThrow('no secrets to look for');
});

test('of streamed events those are left out that the engine calls debug, and no others', () => {
  const event = (prefix: string) =>
    JSON.stringify({ sequence: 7, timestamp: 1_795_547_180, diagnosticEvent: { prefix, message: password } });
  const others = `${event('warning: ')}\n{"sequence":8,"timestamp":1795547180,"summaryEvent":{}}`;
  expect(withoutDebug(`${event('debug: ')}\n${others}`)).toBe(others);
});

test('findings of engine and program have one form, and one that only one of them has is named', async () => {
  const program = await programFindings('trial', 'local', { preview: true });
  expect(program.length).toBeGreaterThan(5);
  const [first = '', ...rest] = program;
  const [level, policyName] = first.split(' ') as [string, string];
  const event = (resource: string, words: string) =>
    JSON.stringify({
      policyEvent: {
        resourceUrn: `urn:pulumi:trial::simple378::${resource}`,
        message: `What must hold\n${words}\n`,
        policyName,
        enforcementLevel: level,
      },
    });
  const about = first.slice(`${level} ${policyName} `.length);
  const [, resource = '', words = ''] = about.match(/^(.*?): (.*)$/s) ?? [];
  const told = resource === 'stack' ? 'pulumi:pulumi:Stack::simple378-trial' : resource;
  const engine = engineFindings(`Previewing\n{"sequence":1}\n${event(told, words)}\n`);
  expect(engine).toEqual([first]);
  expect(differences(engine, program)).toEqual(rest.map((one) => `only npm run policies: ${one}`));
  expect(differences(program, rest)).toEqual([`only the engine's pack: ${first}`]);
});

test('an engine that cannot be started fails every check, and the others go on', async () => {
  const workspace: Workspace = {
    pulumi: () => Promise.reject(new Error('spawn pulumi EAGAIN')),
    init: () => Promise.resolve(),
    configure: () => undefined,
    state: () => '',
    close: () => undefined,
  };
  const said: string[] = [];
  const log = logTo((line) => said.push(line));
  await checkPreviews(workspace, log, { stack: 'trial', environment: 'local' });
  expect(said).toHaveLength(5);
  expect(log.failed).toHaveLength(5);
});

test('of streamed events that failed only the errors are told: others may hold secrets', () => {
  const event = (severity: string, message: string) =>
    JSON.stringify({ sequence: 1, timestamp: 1_795_547_180, diagnosticEvent: { severity, message } });
  const stdout = [event('debug', password), event('error', 'the role is not there\n')].join('\n');
  const failing = () => mustSucceed({ code: 1, stdout, stderr: 'warning' }, 'preview');
  expect(failing).toThrow('preview ended with 1: the role is not there\nwarning');
});
