import { expect, test } from 'vitest';
import { type Environment, gates } from './gates.ts';

const staging: Environment = {
  name: 'staging',
  url: 'https://staging.example',
  ca: null,
  users: 'users.json',
  policies: 'policies.json',
  internal: ['https://localhost:1', 'https://localhost:2'],
  internalCa: 'internal.crt',
  prometheus: 'http://localhost:3',
};

test('limits get every replica and the limits that hold there, and in production only limits of one user', () => {
  const command = gates.limits?.command(staging) ?? [];
  expect(command.filter((argument) => argument === '--internal')).toHaveLength(2);
  expect(command).toContain('policies.json');
  expect(command).not.toContain('--only');
  const inProduction = gates.limits?.command({ ...staging, name: 'prod' }) ?? [];
  expect(inProduction).toContain('default,intensive');
  // Real users get 429s meanwhile: only on staging are all of them k6's own.
  expect(inProduction).toContain('--shared');
  expect(command).not.toContain('--shared');
});

test('the checklist writes nothing in production', () => {
  expect(gates['security-verify']?.command(staging)).not.toContain('--read-only');
  const command = gates['security-verify']?.command({ ...staging, name: 'prod', ca: 'ca.crt' }) ?? [];
  expect(command).toContain('--read-only');
  expect(command).toContain('ca.crt');
});
