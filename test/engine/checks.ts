import type { Ran, Workspace } from './workspace.ts';

/** Prints what a check saw, and keeps what held and what did not. */
export interface Log {
  /** Runs a check: what it returns is printed, what it throws makes it fail. */
  check(name: string, run: () => Promise<string>): Promise<void>;
  readonly held: readonly string[];
  readonly failed: readonly string[];
}

/** A log to the terminal. */
export function logTo(print: (line: string) => void): Log {
  const held: string[] = [];
  const failed: string[] = [];
  const keep = (list: string[], mark: string, line: string) => {
    list.push(line);
    print(`${mark}  ${line}`);
  };
  return {
    held,
    failed,
    async check(name, run) {
      try {
        keep(held, 'ok  ', `${name}: ${await run()}`);
      } catch (error) {
        keep(failed, 'FAIL', `${name}: ${(error as Error).message}`);
      }
    },
  };
}

/** @throws Error with what Pulumi said */
export function mustSucceed({ code, stdout, stderr }: Ran, what: string): void {
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${tail(`${stdout}\n${stderr}`)}`);
}

/** The end of what a command said; of streamed events the errors alone, for others may show secrets (see preview.ts). */
function tail(text: string): string {
  const lines = text
    .trim()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"sequence"') ? errorsOf(line) : line));
  return lines.slice(-30).join('\n');
}

function errorsOf(event: string): string[] {
  const { diagnosticEvent } = JSON.parse(event) as {
    diagnosticEvent?: { severity: string; message: string };
  };
  return diagnosticEvent?.severity === 'error' ? [diagnosticEvent.message.trim()] : [];
}

/** The stack's state with its secrets shown. */
export async function shownState(workspace: Workspace, stack: string): Promise<string> {
  const ran = await workspace.pulumi(stack, ['stack', 'export', '--show-secrets']);
  mustSucceed(ran, 'stack export');
  return ran.stdout;
}
