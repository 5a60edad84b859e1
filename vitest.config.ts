import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Suites that need a cluster, the Pulumi engine or ten minutes. They run only when `--project` names them. */
const suites: readonly TestProjectInlineConfiguration[] = ['cluster', 'engine', 'alerts'].map((name) => ({
  extends: true,
  test: {
    name,
    include: [`test/${name}/*.suite.ts`],
    // Their tests share one stack and run in order.
    fileParallelism: false,
    bail: 0,
    testTimeout: 45 * 60_000,
    hookTimeout: 15 * 60_000,
    globalSetup: name === 'alerts' ? ['test/support/global-setup.ts'] : [],
  },
}));
/** The running service broken in one way at a time; minutes long. */
const security: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'security',
    include: ['policies/verify/*.suite.ts'],
    globalSetup: ['test/support/global-setup.ts'],
  },
};
const named = process.argv.join(' ');

// Tests start real servers: a file is the unit of isolation, and two run at a time on the two cores of CI.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'simple378',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', '.local/**'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      ...[...suites, security].filter(({ test }) => new RegExp(`--project[= ]${test?.name}\\b`).test(named)),
    ],
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: 'coverage',
      // Of the files that tests load. Commands run in processes of their own, where v8 does not count.
      thresholds: { lines: 95, branches: 90 },
    },
  },
});
