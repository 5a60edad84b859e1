import { spawnSync } from '../../infra/programs/child-process.ts';

/** One gate: an npm script and its arguments. */
export interface Step {
  readonly name: string;
  readonly script: string;
  readonly args?: readonly string[];
  /** Needs something that not every machine has: exit 2 is then a skip, and said. */
  readonly optional?: boolean;
  /** Seconds to wait first, until the limits that the steps before have spent are whole again. */
  readonly restSeconds?: number;
}

/** How a gate ended. */
export interface Result {
  readonly name: string;
  readonly outcome: 'holds' | 'fails' | 'skipped' | 'could not check';
  readonly seconds: number;
}

/** Runs gates one after another, all of them whatever the first ones say, and prints how they ended. */
export function runSteps(root: string, steps: readonly Step[]): number {
  const results = steps.map((step) => {
    console.log(`\n== ${step.name}`);
    if (step.restSeconds !== undefined) rest(step.restSeconds);
    const started = Date.now();
    const { status } = spawnSync('npm', ['run', '--silent', step.script, '--', ...(step.args ?? [])], {
      cwd: root,
      stdio: 'inherit',
    });
    return { name: step.name, outcome: outcomeOf(status, step), seconds: (Date.now() - started) / 1000 };
  });
  console.log(`\n${table(results)}`);
  return exitCode(results);
}

function rest(seconds: number): void {
  console.log(`waiting ${seconds} s: the steps before have spent the limits`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

/** What an exit code means, by the convention of all commands here. */
export function outcomeOf(status: number | null, { optional }: Pick<Step, 'optional'>): Result['outcome'] {
  if (status === 0) return 'holds';
  if (status === 2) return optional ? 'skipped' : 'could not check';
  return 'fails';
}

/** 1 when a gate fails, else 2 when one could not be checked; a skipped one changes nothing. */
export function exitCode(results: readonly Result[]): number {
  if (results.some(({ outcome }) => outcome === 'fails')) return 1;
  return results.some(({ outcome }) => outcome === 'could not check') ? 2 : 0;
}

/** The summary. */
export function table(results: readonly Result[]): string {
  const rows = results.map(
    ({ name, outcome, seconds }) => `${outcome.padEnd(16)}${`${seconds.toFixed(1)} s`.padStart(9)}  ${name}`,
  );
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').length;
  return [...rows, skipped > 0 ? `${skipped} skipped: proven on machines that have what they need` : '']
    .filter((line) => line !== '')
    .join('\n');
}
