import { type Canary, canariesOf, hits } from './canaries.ts';
import { type Log, mustSucceed, shownState } from './checks.ts';
import { differences, engineFindings, programFindings } from './findings.ts';
import type { Ran, StackOptions, Workspace } from './workspace.ts';

/** A stack to preview: its name says which environment's rules the pack applies. */
export interface Subject extends StackOptions {
  readonly stack: string;
}

/** The policy pack of this repository. */
export const pack = ['--policy-pack', 'policies'];
/**
 * Makes `preview --json` print the engine's events, one a line, with the pack's findings. Not for a log: the engine (seen
 * with 3.259) puts debug messages of the program's runtime among them, `--debug` or not, with secrets in plain.
 */
export const streamed = { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true' };

/**
 * Previews a stack by the real engine with the real policy pack, without a cluster: from empty, and again when the
 * state holds every generated secret, so that a preview could show them.
 */
export async function checkPreviews(workspace: Workspace, log: Log, subject: Subject): Promise<void> {
  const { stack, secrets = {} } = subject;
  await workspace.init(stack, subject);
  await log.check(`${stack}: first preview`, async () => {
    const started = Date.now();
    const ran = await workspace.pulumi(stack, ['preview', '--diff']);
    mustSucceed(ran, 'preview');
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    return `${ran.stdout.match(/\+ (\d+) to create/)?.[1] ?? 'no'} resources, ${seconds} s`;
  });
  await log.check(`${stack}: findings while generated values are unknown`, async () =>
    sameFindings(await events(workspace, stack), subject, true),
  );
  await log.check(`${stack}: secrets are generated`, async () => {
    const ran = await workspace.pulumi(stack, [
      'up',
      '--yes',
      '--skip-preview',
      '--target',
      '**infra:Material**',
    ]);
    mustSucceed(ran, 'up');
    return `${canariesOf(await shownState(workspace, stack)).length} secret values`;
  });
  let known: Ran | undefined;
  await log.check(`${stack}: findings when they are known`, async () => {
    known = await events(workspace, stack);
    return sameFindings(known, subject, false);
  });
  await log.check(`${stack}: no secret in plain`, async () => {
    if (known === undefined) throw new Error('there are no events to look in');
    const shown = await shownState(workspace, stack);
    const texts = {
      state: workspace.state(stack),
      'preview --diff': said(await workspace.pulumi(stack, ['preview', '--diff', ...pack])),
      'preview --json': said(await workspace.pulumi(stack, ['preview', '--json', ...pack])),
      'preview events': withoutDebug(said(known)),
      'stack output': said(await workspace.pulumi(stack, ['stack', 'output', '--json'])),
    };
    const configured = Object.entries(secrets).map(([name, value]) => ({ name, value }));
    return noneInPlain(shown, texts, configured);
  });
}

/** A preview with the pack, as the engine's events; it ends with an error where a mandatory rule is broken. */
const events = (workspace: Workspace, stack: string): Promise<Ran> =>
  workspace.pulumi(stack, ['preview', '--json', ...pack], streamed);

/** The pack under the engine and `npm run policies` find the same; returns how many. @throws Error with the difference */
async function sameFindings(
  ran: Ran,
  { stack, environment, ...options }: Subject,
  preview: boolean,
): Promise<string> {
  const program = await programFindings(stack, environment, { ...options, preview });
  const engine = engineFindings(ran.stdout);
  const differ = differences(engine, program);
  if (differ.length > 0) throw new Error(`they differ:\n${differ.map((one) => `      ${one}`).join('\n')}`);
  const stops = engine.some((one) => one.startsWith('mandatory '));
  if (stops !== (ran.code !== 0))
    throw new Error(`${engine.length} findings, and preview ended with ${ran.code}: ${said(ran)}`);
  return `${engine.length}, the same as npm run policies`;
}

/**
 * @param shown the state with secrets shown: what is looked for, and proof that looking finds it
 * @param configured secrets of the stack's configuration
 * @throws Error that names secrets in a text, or ones that would not have been found
 */
export function noneInPlain(
  shown: string,
  texts: Readonly<Record<string, string>>,
  configured: readonly Canary[] = [],
): string {
  const generated = canariesOf(shown);
  const canaries = [...generated, ...configured];
  const found = hits(
    shown,
    canaries.filter(({ name }) => !name.endsWith('as key')),
  );
  if (canaries.length === 0 || found.length === 0) throw new Error('the state holds no secrets to look for');
  const leaks = Object.entries(texts).flatMap(([text, content]) =>
    hits(content, canaries).map((name) => `${name} is in ${text}`),
  );
  if (leaks.length > 0) throw new Error(leaks.join(', '));
  return `${canaries.length} values, 0 hits in ${Object.keys(texts).join(', ')}`;
}

/** The events but those that the engine calls debug; see {@link streamed}. */
export function withoutDebug(events: string): string {
  return events
    .split('\n')
    .filter((line) => !/^\{"sequence":\d+,"timestamp":\d+,"diagnosticEvent":\{"prefix":"debug: "/.test(line))
    .join('\n');
}

const said = ({ stdout, stderr }: Ran): string => `${stdout}\n${stderr}`;
