import { expect, test } from 'vitest';
import { runAs } from './containers.ts';

const pairs = (args: readonly string[]) => args.map((arg, at) => `${arg} ${args[at + 1] ?? ''}`);

test.each(['docker', 'podman'] as const)(
  '%s runs an image as this user, without rights, and read-only',
  (name) => {
    const args = runAs(name, 1_000, 1_001);
    expect(args.slice(0, 2)).toEqual(['run', '--rm']);
    expect(args).toContain('--read-only');
    for (const pair of ['--user 1000:1001', '--cap-drop all', '--security-opt no-new-privileges'])
      expect(pairs(args)).toContain(pair);
  },
);

test('only rootless Podman keeps the user: Docker does not know the option, and for root it says nothing', () => {
  const keeps = (...args: Parameters<typeof runAs>) => pairs(runAs(...args)).includes('--userns keep-id');
  expect(keeps('podman', 1_000, 1_000)).toBe(true);
  expect(keeps('podman', 0, 0)).toBe(false);
  expect(keeps('docker', 1_000, 1_000)).toBe(false);
});
