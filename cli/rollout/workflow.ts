import { appendFileSync } from 'node:fs';

/** Hands a value from this step of a GitHub job to later ones; elsewhere it does nothing. */
export function setOutput(name: string, value: string): void {
  append('GITHUB_OUTPUT', `${name}=${value}\n`);
}

/** Shows Markdown on the summary page of a GitHub job; elsewhere it does nothing. */
export function addSummary(markdown: string): void {
  append('GITHUB_STEP_SUMMARY', `${markdown}\n`);
}

/** GitHub names a file for each kind of message by an environment variable. */
function append(variable: string, text: string): void {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}
