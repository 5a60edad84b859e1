import { mkdtempSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createTokenKey, writeFiles, writeSecrets } from '../../test/support/certificates.ts';
import { problems, settingsFolder } from '../../test/support/service-settings.ts';
import { readSecrets, secretFiles } from './secrets.ts';
import { parseSettings } from './settings.ts';

const { at, minimal } = settingsFolder();

describe('environment', () => {
  test('what is required is enough; the rest has defaults', () => {
    expect(parseSettings(minimal)).toMatchObject({
      API_PORT: 8443,
      INTERNAL_PORT: 9464,
      LISTEN_HOST: '0.0.0.0',
      REDIS_MODE: 'single',
      TOKEN_AUDIENCE: 'simple378',
      REPLICAS: 1,
      LOG_LEVEL: 'info',
      DRAIN_SECONDS: 5,
      SHUTDOWN_SECONDS: 20,
      trustedProxies: [],
      allowedOrigins: [],
    });
    expect(parseSettings(minimal)).not.toHaveProperty('PLAIN_PORT');
    expect(parseSettings(minimal).INSTANCE).not.toBe('');
  });

  test('lists are split, numbers read, unknown and empty variables ignored', () => {
    const settings = parseSettings({
      ...minimal,
      TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8',
      ALLOWED_ORIGINS: 'https://a.example,https://b.example:8443',
      API_PORT: '1234',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
      PLAIN_PORT: '',
      SOMETHING: 'else',
    });
    expect(settings.trustedProxies).toEqual(['10.0.0.0/8', 'fd00::/8']);
    expect(settings.allowedOrigins).toEqual(['https://a.example', 'https://b.example:8443']);
    expect(settings).toMatchObject({ API_PORT: 1234, OTEL_TRACES_SAMPLER_ARG: 0.5 });
    expect(settings).not.toHaveProperty('SOMETHING');
  });

  test.each<[string, Record<string, string>]>([
    ['ENVIRONMENT', { ENVIRONMENT: 'production' }],
    ['ENVIRONMENT', { ENVIRONMENT: '' }],
    ['API_PORT', { API_PORT: '0' }],
    ['API_PORT', { API_PORT: '80a' }],
    ['INTERNAL_PORT', { API_PORT: '9464' }],
    ['REDIS_URL', { REDIS_URL: 'redis://redis:6379' }],
    ['REDIS_URL', { REDIS_URL: 'rediss://user:secret@redis:6379' }],
    ['REDIS_URL', { REDIS_URL: 'rediss://redis:65536' }],
    ['REDIS_DATA_USER', { REDIS_DATA_USER: 'two words' }],
    ['LISTEN_HOST', { LISTEN_HOST: '0.0.0.0:80' }],
    ['REDIS_URL', { REDIS_URL: 'rediss://a:1,rediss://b:2' }],
    ['REDIS_URL', { REDIS_URL: '' }],
    ['REDIS_URL', { REDIS_MODE: 'cluster', REDIS_URL: '' }],
    ['REDIS_SENTINELS', { REDIS_MODE: 'sentinel', REDIS_SENTINEL_MASTER: 'main' }],
    ['REDIS_SENTINEL_MASTER', { REDIS_MODE: 'sentinel', REDIS_SENTINELS: 's:26379' }],
    ['TOKEN_ISSUER', { TOKEN_ISSUER: 'http://issuer.example' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '1' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: 'true' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '10.0.0.0/33' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '0.0.0.0/0' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '::ffff:10.0.0.0/8' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '0.0.0.0/1,128.0.0.0/1' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '10.0.0.256/24' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: 'fd00::/129' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: '*' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://*.example' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example/path' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example,https://b.example:443' }],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:99999' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'http://a.example' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['REPLICAS', { REPLICAS: '1.5' }],
    ['OTEL_TRACES_SAMPLER_ARG', { OTEL_TRACES_SAMPLER_ARG: '2' }],
    ['DRAIN_SECONDS', { DRAIN_SECONDS: '30' }],
  ])('%s is refused: %j', (name, change) => {
    const found = problems(() => parseSettings({ ...minimal, ...change }));
    expect(found.map((problem) => problem.name)).toEqual([name]);
    expect(found[0]?.remedy).not.toBe('');
    expect(found[0]?.found).not.toContain('secret');
  });

  test('a Redis of somebody else needs neither authority nor user names', () => {
    const { REDIS_CA_FILE: _, ...others } = minimal;
    const settings = parseSettings({
      ...others,
      REDIS_URL: 'rediss://[fd00::1]:6379',
      REDIS_DATA_USER: '',
      REDIS_LIMITER_USER: '',
      LISTEN_HOST: '::',
    });
    expect(settings).toMatchObject({ REDIS_DATA_USER: '', REDIS_LIMITER_USER: '', LISTEN_HOST: '::' });
    expect(settings).not.toHaveProperty('REDIS_CA_FILE');
  });

  test('several modes of Redis', () => {
    const { REDIS_URL, ...others } = minimal;
    const sentinel = {
      REDIS_MODE: 'sentinel',
      REDIS_SENTINELS: 'a:26379,b:26379',
      REDIS_SENTINEL_MASTER: 'main',
    };
    expect(problems(() => parseSettings({ ...others, ...sentinel }))).toEqual([]);
    const cluster = { REDIS_MODE: 'cluster', REDIS_URL: `${REDIS_URL},rediss://b:6379` };
    expect(problems(() => parseSettings({ ...others, ...cluster }))).toEqual([]);
  });
});

test('the README lists every secret file', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  for (const name of secretFiles) expect(readme).toContain(`\`${name}\``);
});

describe('secrets', () => {
  const folder = (files: Record<string, string>) => {
    const path = mkdtempSync(at('broken-'));
    writeSecrets(path, []);
    writeFiles(path, files);
    return path;
  };
  const weak = Buffer.alloc(32, 1).toString('base64');
  const key = createTokenKey('k1');

  test.each<[string, Record<string, string>]>([
    ['token-keys.json', { 'token-keys.json': '{' }],
    ['token-keys.json/active', { 'token-keys.json': JSON.stringify({ active: 'k2', keys: [key] }) }],
    ['token-keys.json/keys', { 'token-keys.json': JSON.stringify({ active: 'k1', keys: [] }) }],
    [
      'token-keys.json/keys/0/kty',
      { 'token-keys.json': JSON.stringify({ active: 'k1', keys: [{ ...key, kty: 'EC' }] }) },
    ],
    [
      'token-keys.json/k1',
      { 'token-keys.json': JSON.stringify({ active: 'k1', keys: [{ ...key, d: '!'.repeat(43) }] }) },
    ],
    [
      'data-keys.json/active',
      {
        'data-keys.json': JSON.stringify({
          active: 'd2',
          keys: { d1: Buffer.from([...Array(32).keys()]).toString('base64') },
        }),
      },
    ],
    ['data-keys.json/keys/d1', { 'data-keys.json': JSON.stringify({ active: 'd1', keys: { d1: weak } }) }],
    ['csrf-key', { 'csrf-key': 'changeme' }],
    ['csrf-key', { 'csrf-key': weak }],
    ['pseudonym-key', { 'pseudonym-key': '' }],
    [
      'users.json/0/password',
      {
        'users.json': JSON.stringify([{ email: 'a@example.com', password: 'P@ssw0rd1234', role: 'admin' }]),
      },
    ],
    [
      'users.json/0/password',
      { 'users.json': JSON.stringify([{ email: 'a@example.com', password: 'short', role: 'admin' }]) },
    ],
  ])('%s is refused, and its value is not shown: %j', (name, files) => {
    const found = problems(() => readSecrets(folder(files)));
    expect(found.map((problem) => problem.name)).toContain(`SECRETS_DIR/${name}`);
    for (const content of Object.values(files)) {
      if (content.length > 8) expect(JSON.stringify(found)).not.toContain(content.slice(0, 30));
    }
  });

  test('are all reported at once when they are missing; first users are optional', () => {
    const empty = mkdtempSync(at('empty-'));
    expect(problems(() => readSecrets(empty)).map(({ name }) => name)).toEqual([
      'SECRETS_DIR/token-keys.json',
      'SECRETS_DIR/data-keys.json',
      'SECRETS_DIR/csrf-key',
      'SECRETS_DIR/pseudonym-key',
    ]);
  });
});
