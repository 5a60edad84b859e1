import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CouldNotCheck, command } from '../../cli/lib/command.ts';
import { unreachable } from '../../infra/kube.ts';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { changesOf } from '../../infra/settings/changes.ts';
import { environments } from '../../infra/settings/index.ts';
import { logTo } from './checks.ts';
import { checkLife } from './life.ts';
import { checkPreviews, type Subject } from './preview.ts';
import { openWorkspace } from './workspace.ts';

const usage = `npx vitest run --project engine [environment…] [options]

Previews environments (all when none is named) with the real Pulumi engine and the real policy pack, and needs neither a
cluster nor a login: the pack finds what npm run policies finds, and no secret is in plain in state or preview. State and
passphrase are in a temporary folder; nothing in the repository is touched.

  --set KEY=VALUE   change a setting, as in tracing.enabled=false; may be repeated
  --cluster         instead bring the named environments up on the cluster that kubectl's current context names, each in
                    a namespace of its own, and destroy them again: up, up again, refresh, one changed limit, destroy

Exit: 0 all hold, 1 one does not, 2 no engine (pulumi and pulumi-language-nodejs must be on PATH) or wrong usage.`;

/**
 * Settings that the strictest rules, those of a stack without a known name, object to: without findings, equal findings
 * would prove nothing. With every kind of secret that a configuration may hold.
 */
const trial: Subject = {
  stack: 'trial',
  environment: 'local',
  changes: {
    'alertmanager.receivers': [{ name: 'pager', severity: 'critical', cidrs: ['203.0.113.7/32'], port: 443 }],
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
    ['receiver-pager', 'grafana-oidc-secret', 'redis-external-case-data', 'redis-external-case-limiter'].map(
      (key) => [key, `https://${randomBytes(20).toString('hex')}.invalid/`],
    ),
  ),
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  await command('test:engine', usage, async (args) => {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        cluster: { type: 'boolean', default: false },
        set: { type: 'string', multiple: true, default: [] },
      },
    });
    const unknown = positionals.filter((name) => !(environments as readonly string[]).includes(name));
    if (unknown.length > 0)
      throw new CouldNotCheck(`${unknown[0]}: environments are ${environments.join(', ')}`);
    mustBeThere('pulumi', 'pulumi-language-nodejs');
    const why = values.cluster ? await unreachable() : undefined;
    if (why) throw new CouldNotCheck(`SKIPPED, nothing was tested: no cluster answers (${why})`);
    if (values.cluster && positionals.length === 0) throw new CouldNotCheck('--cluster needs an environment');
    const changes = changesOf(values.set);
    const named = positionals.length > 0 ? positionals : environments;
    const log = logTo(console.log);
    const workspace = openWorkspace({ cluster: values.cluster });
    try {
      if (values.cluster)
        for (const environment of named) await checkLife(workspace, log, environment, changes);
      else {
        for (const environment of named)
          await checkPreviews(workspace, log, { stack: environment, environment, changes });
        await checkPreviews(workspace, log, trial);
      }
    } finally {
      workspace.close();
    }
    const { length } = log.failed;
    console.log(length === 0 ? 'test:engine: all hold' : `test:engine: ${length} do not hold`);
    return length === 0 ? 0 : 1;
  });

function mustBeThere(...programs: readonly string[]): void {
  const missing = programs.filter((program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error);
  if (missing.length > 0)
    throw new CouldNotCheck(
      `SKIPPED, nothing was tested: ${missing.join(' and ')} not on PATH; see docs/operations.md, "Install"`,
    );
}
