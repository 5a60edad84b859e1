import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programPath } from '../../infra/programs/find.ts';
import { environments } from '../../infra/settings/index.ts';
import { canariesOf } from './canaries.ts';
import { engineFindings, programFindings } from './findings.ts';
import { noneInPlain, pack, shownState, streamed, succeeded, withoutDebug } from './preview.ts';
import { openWorkspace, type Ran, type StackOptions, type Workspace } from './workspace.ts';

/*
 * npx vitest run --project engine: previews every environment with the real Pulumi engine and the real policy pack. It
 * needs pulumi and pulumi-language-nodejs on PATH, but no cluster and no login: state and passphrase are in a temporary
 * folder, and no file of the repository changes.
 */

/** A stack to preview; its name selects the environment whose rules the pack applies. */
interface Subject extends StackOptions {
  readonly stack: string;
}

/**
 * Settings that break rules of a stack with an unknown name, which are the strictest, because equal findings prove nothing
 * where there are none. With every kind of secret that a configuration may hold.
 */
const trial: Subject = {
  stack: 'trial',
  environment: 'local',
  changes: {
    'alertmanager.receivers': [
      { name: 'pager', severity: 'critical', cidrs: ['203.0.113.7/32'], port: 443 },
      { name: 'chat', severity: 'warning', cidrs: ['203.0.113.9/32'], port: 443 },
    ],
    'grafana.oidc': {
      issuer: 'https://id.example',
      clientId: 'simple378',
      adminGroup: 'platform',
      cidrs: ['203.0.113.8/32'],
      port: 443,
    },
    'redis.mode': 'external',
    'redis.external': { servers: ['r.example:6380'], cluster: false, cidrs: ['198.51.100.0/24'] },
  },
  secrets: Object.fromEntries(
    [
      'receiver-pager',
      'receiver-chat',
      'grafana-oidc-secret',
      'redis-external-case-data',
      'redis-external-case-limiter',
    ].map((key) => [key, `https://${randomBytes(20).toString('hex')}.invalid/`]),
  ),
};
const subjects: readonly Subject[] = [
  ...environments.map((environment) => ({ stack: environment, environment })),
  trial,
];

let workspace: Workspace;
beforeAll(() => {
  for (const program of ['pulumi', 'pulumi-language-nodejs']) programPath(program);
  workspace = openWorkspace({ cluster: false });
});
afterAll(() => workspace?.close());

describe.each(subjects)('$stack', (subject) => {
  const { stack, environment, changes, secrets = {} } = subject;
  const run = (...args: string[]): Promise<Ran> => workspace.pulumi(stack, args);
  const events = (): Promise<Ran> => workspace.pulumi(stack, ['preview', '--json', ...pack], streamed);

  test('the preview from empty succeeds', async () => {
    await workspace.init(stack, subject);
    succeeded(await run('preview', '--diff'), 'preview');
  });

  test.each([true, false])(
    'the pack finds the same as npm run policies (values unknown: %s)',
    async (unknown) => {
      // Generated secrets exist after the first up of their component alone.
      if (!unknown)
        succeeded(await run('up', '--yes', '--skip-preview', '--target', '**infra:Material**'), 'up');
      const ran = await events();
      const engine = engineFindings(ran.stdout);
      expect(engine).toEqual(
        await programFindings(stack, environment, {
          ...(changes ? { changes } : {}),
          secrets,
          preview: unknown,
        }),
      );
      const isStopped = engine.some((finding) => finding.startsWith('mandatory '));
      expect(ran.code !== 0).toBe(isStopped);
    },
  );

  test('no secret is in plain in state, preview or output', async () => {
    const shown = await shownState(workspace, stack);
    expect(canariesOf(shown)).not.toEqual([]);
    const text = async (ran: Promise<Ran>) => `${(await ran).stdout}\n${(await ran).stderr}`;
    const texts = {
      state: workspace.state(stack),
      'preview --diff': await text(run('preview', '--diff', ...pack)),
      'preview --json': await text(run('preview', '--json', ...pack)),
      'preview events': withoutDebug(await text(events())),
      'stack output': await text(run('stack', 'output', '--json')),
    };
    const configured = Object.entries(secrets).map(([name, value]) => ({ name, value }));
    expect(noneInPlain(shown, texts, configured)).toEqual([]);
  });
});
