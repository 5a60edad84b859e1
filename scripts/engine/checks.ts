import type { Ran, Workspace } from './workspace.ts';

/** Prints what a check saw, and counts those that do not hold. */
export interface Log {
  /** Runs a check: what it returns is printed, what it throws makes it fail. */
  check(name: string, run: () => Promise<string>): Promise<void>;
  readonly failed: () => number;
}

/** A log to the terminal. */
export function logTo(print: (line: string) => void): Log {
  let failed = 0;
  return {
    failed: () => failed,
    async check(name, run) {
      try {
        print(`ok    ${name}: ${await run()}`);
      } catch (error) {
        failed += 1;
        print(`FAIL  ${name}: ${(error as Error).message}`);
      }
    },
  };
}

/** @throws Error with what Pulumi said */
export function mustSucceed({ code, stdout, stderr }: Ran, what: string): void {
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${tail(`${stdout}\n${stderr}`)}`);
}

/** The end of what a command said. */
function tail(text: string): string {
  return text.trim().split('\n').slice(-30).join('\n');
}

/** The stack's state with its secrets shown. */
export async function shownState(workspace: Workspace, stack: string): Promise<string> {
  const ran = await workspace.pulumi(stack, ['stack', 'export', '--show-secrets']);
  mustSucceed(ran, 'stack export');
  return ran.stdout;
}
