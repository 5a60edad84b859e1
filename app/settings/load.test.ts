import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { createAuthority, writeFiles, writeSecrets } from '../../test/support/certificates.ts';
import { generousPolicies, until } from '../../test/support/service.ts';
import { problems, settingsFolder } from '../../test/support/service-settings.ts';
import { readCertificate } from './certificate.ts';
import { loadConfiguration } from './load.ts';
import { readPolicies } from './policies.ts';
import { watchFiles } from './watch.ts';

const { at, minimal } = settingsFolder();

test('everything is read, and everything that is wrong is said, at once', async () => {
  expect(loadConfiguration(minimal).settings.ENVIRONMENT).toBe('prod');
  const path = mkdtempSync(at('all-'));
  writeSecrets(path, []);
  writeFiles(path, { 'redis-data-password': 'short', 'csrf-key': 'x' });
  const found = problems(() =>
    loadConfiguration({
      ...minimal,
      SECRETS_DIR: path,
      TLS_DIR: path,
      REDIS_CA_FILE: '/nowhere',
      POLICIES_FILE: '/nowhere',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere',
    }),
  );
  expect(found.map(({ name }) => name).sort()).toEqual([
    'OTEL_EXPORTER_OTLP_CERTIFICATE',
    'POLICIES_FILE',
    'REDIS_CA_FILE',
    'SECRETS_DIR/csrf-key',
    'SECRETS_DIR/redis-data-password',
    'TLS_DIR/tls.crt',
  ]);
});

test('a certificate and a key that do not belong together are refused', async () => {
  const authority = await createAuthority();
  const [own, other] = await Promise.all([authority.issue(), authority.issue()]);
  writeFiles(at('mixed'), { 'tls.crt': own.certificate, 'tls.key': other.key });
  expect(problems(() => readCertificate(at('mixed')))).toHaveLength(1);
  writeFiles(at('mixed'), { 'tls.crt': 'no certificate', 'tls.key': own.key });
  expect(problems(() => readCertificate(at('mixed')))).toHaveLength(1);
});

test('policies come from a file, which must have those that routes are limited by', () => {
  expect(readPolicies(undefined)).toBe(defaultPolicies);
  const write = (content: unknown) => {
    writeFileSync(at('policies.json'), typeof content === 'string' ? content : JSON.stringify(content));
    return at('policies.json');
  };
  expect(readPolicies(write(generousPolicies))).toHaveLength(generousPolicies.length);
  const missing = generousPolicies.filter(({ name }) => name !== 'login');
  expect(problems(() => readPolicies(write(missing)))).toMatchObject([{ found: 'has no policy "login"' }]);
  expect(problems(() => readPolicies(write('{')))).toHaveLength(1);
  const wrong = generousPolicies.map((policy) => ({ ...policy, quota: 0 }));
  expect(problems(() => readPolicies(write(wrong))).length).toBeGreaterThanOrEqual(generousPolicies.length);
});

test('a Secret that Kubernetes swaps by symbolic link is noticed', async () => {
  const write = (version: string) => {
    mkdirSync(at('mount', version), { recursive: true });
    writeFileSync(at('mount', version, 'key'), version);
    symlinkSync(version, at('mount', 'next'));
    renameSync(at('mount', 'next'), at('mount', 'data'));
  };
  write('1');
  symlinkSync(join('data', 'key'), at('mount', 'key'));
  let changes = 0;
  const stop = watchFiles([at('mount', 'key')], 10, () => {
    changes += 1;
  });
  write('2');
  await until(() => changes === 1);
  rmSync(at('mount', 'key'));
  await until(() => changes === 2);
  stop();
});
