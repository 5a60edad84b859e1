import { defineConfig } from 'vitest/config';

// Tests start real servers: a file is the unit of isolation, and two run at a time on the two cores CI has.
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '.local/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: ['test/support/global-setup.ts'],
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: 'coverage',
      // Of what tests load. Commands and instruments run in processes of their own, where v8 does not count for us.
      thresholds: { lines: 95, branches: 90 },
    },
  },
});
