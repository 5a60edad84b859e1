import { expect, test } from 'vitest';
import { parseSettings } from '../../app/settings/settings.ts';
import { environments, loadSettings } from './index.ts';
import { serviceEnvironment } from './service-environment.ts';

const external = { servers: ['r.example:6379'], cidrs: ['192.0.2.0/24'] };
const authority = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUYb0bS0bN2pPq0V3Y0e6u5b0r3aIwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----`;

/** Modes in which the service gets other variables. */
const modes: [string, Record<string, unknown>][] = [
  ['as it is', {}],
  ['Sentinel', { 'redis.mode': 'sentinel' }],
  ['external Redis', { 'redis.external': external }],
  ['external Redis by password', { 'redis.external': { ...external, authentication: 'password' } }],
  [
    'external Cluster',
    { 'redis.external': { ...external, servers: ['[fd00::1]:7000', 'r:7001'], cluster: true } },
  ],
  ['external Sentinels', { 'redis.external': { ...external, sentinelPrimary: 'mymaster' } }],
  ['no traces', { 'tracing.enabled': false }],
  [
    'dual stack',
    { 'cluster.ipFamilies': ['IPv6', 'IPv4'], 'cluster.podCidrs': ['fd00::/56', '10.244.0.0/16'] },
  ],
  ['the longest drain', { 'app.drainSeconds': 290, 'app.shutdownSeconds': 300 }],
  ['origins', { 'app.allowedOrigins': ['https://a.example', 'https://b.example:8443'] }],
];

test.each(
  environments.flatMap((environment) =>
    modes.map(([mode, changes]) => [environment, mode, changes] as const),
  ),
)('the service takes the variables of %s: %s', (environment, _, changes) => {
  const mode = 'redis.external' in changes ? { 'redis.mode': 'external' } : {};
  const settings = loadSettings(environment, { ...mode, ...changes });
  expect(parseSettings(serviceEnvironment(settings)).ENVIRONMENT).toBe(environment);
});

test('a password alone sends no user, and an authority of its own is a file', () => {
  const variables = (changes: Record<string, unknown>) =>
    serviceEnvironment(
      loadSettings('dev', { 'redis.mode': 'external', 'redis.external': { ...external, ...changes } }),
    );
  expect(variables({ authentication: 'password' })).toMatchObject({
    REDIS_MODE: 'single',
    REDIS_URL: 'rediss://r.example:6379',
    REDIS_DATA_USER: '',
    REDIS_LIMITER_USER: '',
  });
  expect(variables({})).not.toHaveProperty('REDIS_CA_FILE');
  expect(() => variables({ ca: authority })).toThrow(/redis\.external\.ca: certificate 1 cannot be read/);
});
