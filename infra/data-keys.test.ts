import { expect, test } from 'vitest';
import { dataKeysOf } from './data-keys.ts';
import { spawnSync } from './programs/child-process.ts';

const urn = (name: string) =>
  `urn:pulumi:dev::simple378::simple378:infra:Material$random:index/randomPassword:RandomPassword::${name}`;
const result = (plaintext: string) => ({ result: { '4dabf18193072939515e22adb298388d': '1b47', plaintext } });
const state = (...resources: object[]) => ({ version: 3, deployment: { resources } });

test('generated keys come from the state, carried ones from the configuration, nothing else', () => {
  const keys = dataKeysOf(
    state(
      { urn: urn('bytes/data-key/2026-11-01'), outputs: result('"letters"') },
      { urn: urn('bytes/token-key/2026-11-01'), outputs: result('"of another kind"') },
      { urn: urn('password/grafana'), outputs: result('"of another kind"') },
      { urn: urn('without-outputs') },
    ),
    {
      'simple378:data-key-2026-08-01': { value: 'carried', secret: true },
      'simple378:receiver-pager': { value: 'https://example.test', secret: true },
      'simple378:domain': { value: 'example.test' },
    },
  );
  expect([...keys]).toEqual([
    ['data-key-2026-11-01', 'letters'],
    ['data-key-2026-08-01', 'carried'],
  ]);
});

test('a stack that is not up has none', () => {
  expect(dataKeysOf({ version: 3, deployment: {} }, {}).size).toBe(0);
});

test.each([
  ['no state', 'x', {}, 'what pulumi stack export printed is not a state'],
  ['no configuration', state(), { a: 1 }, 'what pulumi config printed is no configuration'],
  [
    'a secret that is not shown',
    state({ urn: urn('bytes/data-key/2026-11-01'), outputs: { result: '[secret]' } }),
    {},
    'the state shows no value of data key 2026-11-01',
  ],
])('%s is said', (_name, exported, configuration, message) => {
  expect(() => dataKeysOf(exported, configuration)).toThrow(message);
});

const carryKeys = (args: readonly string[], env = {}) =>
  spawnSync(process.execPath, ['cli/main.ts', 'env', 'carry-keys', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

test('the command refuses one stack twice', () => {
  const { status, stderr } = carryKeys(['dev', 'dev']);
  expect([status, stderr]).toEqual([
    2,
    'simple378 env carry-keys: <from> and <to> are the same stack; name two stacks\n',
  ]);
});

test('without pulumi the command names the guide', () => {
  const { status, stderr } = carryKeys(['dev', 'dev-new'], { PATH: '/nowhere' });
  expect([status, stderr]).toEqual([
    2,
    'simple378 env carry-keys: pulumi is not installed: https://www.pulumi.com/docs/install/\n',
  ]);
});
