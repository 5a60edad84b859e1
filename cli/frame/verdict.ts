import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';

/** The result of one check, gate or test. */
export interface Verdict {
  readonly name: string;
  readonly outcome: 'holds' | 'fails' | 'skipped' | 'could not check';
  /** The observed result, or the reason; several lines are allowed. */
  readonly detail?: string | undefined;
  readonly seconds?: number | undefined;
}

/** Where the verdicts of a command go besides the terminal. */
export interface ReportFiles {
  readonly json?: string | undefined;
  readonly junit?: string | undefined;
}

/** Adds the options `--json FILE` and `--junit FILE`. */
export function withReports(command: Command): Command {
  return command
    .option('--json <file>', 'write the results as JSON')
    .option('--junit <file>', 'write the results as JUnit XML');
}

const marks = { holds: '✓', fails: '✗', skipped: '-', 'could not check': '?' } as const;

/** One line for a verdict, with its detail below when it does not hold. */
export function verdictLine({ name, outcome, detail, seconds }: Verdict): string {
  const time = seconds === undefined ? '' : ` (${seconds.toFixed(1)} s)`;
  if (detail === undefined || detail === '') return `${marks[outcome]} ${name}${time}`;
  if (!detail.includes('\n')) return `${marks[outcome]} ${name}: ${detail}${time}`;
  return `${marks[outcome]} ${name}${time}\n${detail.trimEnd().replaceAll(/^/gm, '    ')}`;
}

/** The last line of a report: how many verdicts of each kind. */
export function summaryLine(verdicts: readonly Verdict[]): string {
  return (['holds', 'fails', 'could not check', 'skipped'] as const)
    .map((outcome) => ({ outcome, count: verdicts.filter((one) => one.outcome === outcome).length }))
    .filter(({ outcome, count }) => count > 0 || outcome === 'holds')
    .map(({ outcome, count }) => `${count} ${count === 1 ? outcome : plural[outcome]}`)
    .join(', ');
}

const plural = {
  holds: 'hold',
  fails: 'fail',
  skipped: 'skipped',
  'could not check': 'could not check',
} as const;

/** 1 when a verdict fails, else 2 when one could not be checked; a skipped one changes nothing. */
export function exitCodeOf(verdicts: readonly Verdict[]): 0 | 1 | 2 {
  if (verdicts.some(({ outcome }) => outcome === 'fails')) return 1;
  return verdicts.some(({ outcome }) => outcome === 'could not check') ? 2 : 0;
}

/** The verdict that a program's exit code means by the convention of all commands. */
export function outcomeOf(exitCode: number | null, optional = false): Verdict['outcome'] {
  if (exitCode === 0) return 'holds';
  if (exitCode === 2) return optional ? 'skipped' : 'could not check';
  return 'fails';
}

/** Runs a check and prints its verdict; an error means that the check fails. */
export async function verdictOf(name: string, check: () => string | Promise<string>): Promise<Verdict> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1_000;
  try {
    return print({ name, outcome: 'holds', detail: await check(), seconds: seconds() });
  } catch (error) {
    return print({ name, outcome: 'fails', detail: (error as Error).message, seconds: seconds() });
  }
}

/** Prints a verdict and returns it. */
export function print(verdict: Verdict): Verdict {
  console.log(verdictLine(verdict));
  return verdict;
}

/** Prints the summary, writes the reports that were asked for, and returns the exit code. */
export function conclude(suite: string, verdicts: readonly Verdict[], files: ReportFiles = {}): 0 | 1 | 2 {
  console.log(`${suite}: ${summaryLine(verdicts)}`);
  if (files.json) write(files.json, `${JSON.stringify({ suite, verdicts }, null, 2)}\n`);
  if (files.junit) write(files.junit, junit(suite, verdicts));
  return exitCodeOf(verdicts);
}

/** JUnit XML: one test case per verdict. */
export function junit(suite: string, verdicts: readonly Verdict[]): string {
  const count = (outcome: Verdict['outcome']) => verdicts.filter((one) => one.outcome === outcome).length;
  const cases = verdicts.map(({ name, outcome, detail = '', seconds = 0 }) => {
    const head = `  <testcase classname="${escaped(suite)}" name="${escaped(name)}" time="${seconds.toFixed(3)}"`;
    const tag = { fails: 'failure', 'could not check': 'error', skipped: 'skipped', holds: '' }[outcome];
    return tag === '' ? `${head}/>` : `${head}>\n    <${tag} message="${escaped(detail)}"/>\n  </testcase>`;
  });
  const counts = `tests="${verdicts.length}" failures="${count('fails')}" errors="${count('could not check')}" skipped="${count('skipped')}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${escaped(suite)}" ${counts}>\n${cases.join('\n')}\n</testsuite>\n`;
}

/** Writes a report file and makes its folder. */
export function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\n': '&#10;',
  };
  return (
    text
      .replaceAll(/[&<>"\n]/g, (sign) => entities[sign] ?? sign)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 allows no other control characters than tab and line breaks
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '?')
  );
}
