import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { SettingsError, type SettingsProblem } from '../../app/settings/settings.ts';
import { createAuthority, writeCertificate, writeSecrets } from './certificates.ts';

/** A folder with secrets and a certificate, and the least environment that names them. */
export function settingsFolder() {
  const dir = mkdtempSync(join(tmpdir(), 'settings-'));
  const at = (...parts: string[]) => join(dir, ...parts);
  beforeAll(async () => {
    writeSecrets(at('secrets'), []);
    await writeCertificate(at('tls'), await createAuthority());
  });
  afterAll(() => rmSync(dir, { recursive: true }));
  const minimal = {
    ENVIRONMENT: 'prod',
    SECRETS_DIR: at('secrets'),
    TLS_DIR: at('tls'),
    REDIS_URL: 'rediss://redis.example:6379',
    REDIS_CA_FILE: at('tls/ca.crt'),
    TOKEN_ISSUER: 'https://issuer.example',
  };
  return { at, minimal };
}

/** What is wrong, by the error that says it; nothing when there is none. */
export function problems(attempt: () => unknown): readonly SettingsProblem[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}
