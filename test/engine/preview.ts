import { type Canary, canariesOf, hits } from './canaries.ts';
import type { Ran, Workspace } from './workspace.ts';

/** Options that add the policy pack of this repository. */
export const pack = ['--policy-pack', 'policies'];

/**
 * Makes `preview --json` print the engine's events, one a line, with the pack's findings. Not for a log: the engine (3.259)
 * adds debug messages of the program's runtime that hold secrets in plain.
 */
export const streamed = { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true' };

/** Returns a run that ended with 0. @throws Error with the end of Pulumi's output */
export function succeeded(ran: Ran, name: string): Ran {
  if (ran.code === 0) return ran;
  // Of streamed events only the errors, because others may show secrets.
  const lines = `${ran.stdout}\n${ran.stderr}`
    .trim()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"sequence"') ? errorsOf(line) : line));
  throw new Error(`${name} ended with ${ran.code}: ${lines.slice(-30).join('\n')}`);
}

function errorsOf(event: string): string[] {
  const { diagnosticEvent } = JSON.parse(event) as {
    diagnosticEvent?: { severity: string; message: string };
  };
  return diagnosticEvent?.severity === 'error' ? [diagnosticEvent.message.trim()] : [];
}

/** Returns the state of a stack with its secrets shown. */
export async function shownState(workspace: Workspace, stack: string): Promise<string> {
  const ran = await workspace.pulumi(stack, ['stack', 'export', '--show-secrets']);
  return succeeded(ran, 'stack export').stdout;
}

/**
 * Returns the secrets that stand in plain in a text, as `secret is in text`.
 * @param shown the state with secrets shown: the source of the secrets, and a proof that the search finds them
 * @param configured secrets of the stack's configuration
 * @throws Error when the search would find nothing
 */
export function noneInPlain(
  shown: string,
  texts: Readonly<Record<string, string>>,
  configured: readonly Canary[] = [],
): string[] {
  const generated = canariesOf(shown);
  const found = hits(
    shown,
    generated.filter(({ name }) => !name.endsWith('as key')),
  );
  if (found.length === 0) throw new Error('the state holds no secrets to search for');
  return Object.entries(texts).flatMap(([text, content]) =>
    hits(content, [...generated, ...configured]).map((name) => `${name} is in ${text}`),
  );
}

/** Returns the events without those that the engine calls debug; {@link streamed} gives the reason. */
export function withoutDebug(events: string): string {
  return events
    .split('\n')
    .filter((line) => !/^\{"sequence":\d+,"timestamp":\d+,"diagnosticEvent":\{"prefix":"debug: "/.test(line))
    .join('\n');
}
