import type { Account, RunFile } from '../scenarios/run-file.ts';

/** What to do, and as whom; read once per virtual user, when k6 loads the script. */
export const run: RunFile = JSON.parse(read(__ENV.RUN, 'the run file'));

/** Load accounts, in a fixed order. */
export const accounts: readonly Account[] = JSON.parse(read(run.accounts, 'the load accounts'));

/** The n-th load account. */
export function account(n: number): Account {
  const found = accounts[n];
  if (found === undefined)
    throw new Error(`${run.script} needs ${n + 1} load accounts and has ${accounts.length}`);
  return found;
}

function read(path: string | undefined, what: string): string {
  if (path === undefined)
    throw new Error(
      `RUN does not name ${what}; \`npm run loadtest -- <script> --prepare\` writes it and prints the command`,
    );
  return open(path);
}
