import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from '../../infra/programs/child-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder first on PATH with shell scripts in place of the programs that a command calls. */
export interface StandIns {
  readonly folder: string;
  /** Makes or replaces a program; `$folder` in its script is the folder. */
  tool(name: string, script: string): void;
  /** What was called since the last run began, a line each. */
  calls(): string[];
  /** Runs a command of cli/delivery. */
  run(
    script: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): { status: number | null; out: string; errors: string };
  remove(): void;
}

/** Makes an empty folder of stand-ins. */
export function standIns(): StandIns {
  const folder = mkdtempSync(join(tmpdir(), 'stand-ins-'));
  const log = join(folder, 'calls');
  return {
    folder,
    tool(name, script) {
      const file = join(folder, name);
      const head = `#!/bin/sh\nfolder='${folder}'\necho "${name} $*" >>"$folder/calls"\n`;
      writeFileSync(file, `${head}${script}\n`);
      chmodSync(file, 0o755);
    },
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    run(script, args, env = {}) {
      rmSync(log, { force: true });
      const path = [folder, process.env.PATH].join(delimiter);
      const { status, stdout, stderr } = spawnSync(process.execPath, [`cli/delivery/${script}`, ...args], {
        cwd: root,
        env: { ...process.env, GITHUB_OUTPUT: '', GITHUB_STEP_SUMMARY: '', ...env, PATH: path },
        encoding: 'utf8',
      });
      return { status, out: stdout, errors: stderr };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The state of a stack that runs the service by an image. */
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
