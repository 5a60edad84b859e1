import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { spawnSync } from '../../infra/programs/child-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder first on PATH with shell scripts in place of the programs that a command calls. */
export interface StandIns {
  readonly folder: string;
  /** Makes or replaces a program; `$folder` in its script is the folder. */
  tool(name: string, script: string): void;
  /** Makes every command that the command under test starts run this script instead; calls are noted as `simple378 …`. */
  inner(script: string): void;
  /** Returns the calls of the last run, one line each. */
  calls(): string[];
  /** Runs a command of `npx simple378`. */
  run(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): { status: number | null; out: string; errors: string };
  remove(): void;
}

/** Makes an empty folder of stand-ins. */
export function standIns(): StandIns {
  const folder = mkdtempSync(join(tmpdir(), 'stand-ins-'));
  const log = join(folder, 'calls');
  const tool: StandIns['tool'] = (name, script) => {
    const file = join(folder, name);
    const head = `#!/bin/sh\nfolder='${folder}'\necho "${name} $*" >>"$folder/calls"\n`;
    writeFileSync(file, `${head}${script}\n`);
    chmodSync(file, 0o755);
  };
  // A command runs another one in a process of its own; there this module replaces it by the stand-in.
  const preload = join(folder, 'inner.mjs');
  writeFileSync(
    preload,
    `const { spawnSync: run } = process.getBuiltinModule('child_process');
if (process.env.INNER) process.exit(run('${join(folder, 'simple378')}', process.argv.slice(2), { stdio: 'inherit' }).status);
process.env.INNER = '1';
`,
  );
  return {
    folder,
    tool,
    inner: (script) => tool('simple378', script),
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    run(args, env = {}) {
      rmSync(log, { force: true });
      const { status, stdout, stderr } = spawnSync(process.execPath, ['cli/main.ts', ...args], {
        cwd: root,
        env: {
          ...process.env,
          ...{
            GITHUB_OUTPUT: '',
            GITHUB_STEP_SUMMARY: '',
            NODE_OPTIONS: `--import=${pathToFileURL(preload)}`,
          },
          ...env,
          PATH: [folder, process.env.PATH].join(delimiter),
        },
        encoding: 'utf8',
      });
      return { status, out: stdout, errors: stderr };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The state of a stack that runs the service with an image. */
export const stateWith = (image: string) => ({
  deployment: {
    resources: [
      {
        type: 'kubernetes:apps/v1:Deployment',
        outputs: {
          metadata: { name: 'case-service' },
          spec: { template: { spec: { containers: [{ image }] } } },
        },
      },
    ],
  },
});
