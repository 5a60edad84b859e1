import { controls } from '../controls/catalogue.ts';
import type { Result } from './check.ts';

/** Returns one line per check; a failure has its expectation and remedy too. */
export function line({ check, status, observed }: Result): string {
  const head = `${{ pass: 'ok  ', fail: 'FAIL', error: 'ERR ', skipped: 'skip' }[status]} ${check.id}`;
  if (status === 'pass' || status === 'skipped') return `${head}: ${clean(observed)}`;
  return `${head}\n     expected: ${check.expected}\n     observed: ${clean(observed)}\n     remedy:   ${check.remedy} (${controls[check.control].references.join(', ')})`;
}

/** Returns the counts of a run in one line. */
export function summary(results: readonly Result[], milliseconds: number): string {
  const count = (status: Result['status']): number =>
    results.filter((result) => result.status === status).length;
  return `${count('pass')} passed, ${count('fail')} failed, ${count('error')} could not be checked, ${count('skipped')} skipped, ${(milliseconds / 1000).toFixed(1)} s`;
}

/** Returns 0 when all hold, 1 when one does not, 2 when one could not be checked or none ran. */
export function exitCode(results: readonly Result[]): 0 | 1 | 2 {
  if (results.some(({ status }) => status === 'fail')) return 1;
  const ran = results.some(({ status }) => status === 'pass');
  return ran && !results.some(({ status }) => status === 'error') ? 0 : 2;
}

/** The results as JSON. */
export function toJson(target: string, results: readonly Result[]): string {
  const rows = results.map(({ check, status, observed, milliseconds }) => ({
    id: check.id,
    group: check.group,
    status,
    expected: check.expected,
    observed: clean(observed),
    remedy: check.remedy,
    control: check.control,
    references: controls[check.control].references,
    milliseconds,
  }));
  return JSON.stringify({ version: 1, target, exitCode: exitCode(results), results: rows }, null, 2);
}

/** The results as JUnit XML. */
export function toJunit(results: readonly Result[]): string {
  const cases = results.map(({ check, status, observed, milliseconds }) => {
    const inner = {
      pass: '',
      fail: `<failure message="${xml(observed)}">${xml(`expected: ${check.expected}; ${check.remedy}`)}</failure>`,
      error: `<error message="${xml(observed)}"/>`,
      skipped: `<skipped message="${xml(observed)}"/>`,
    }[status];
    return `  <testcase classname="${check.group}" name="${check.id}" time="${milliseconds / 1000}">${inner}</testcase>`;
  });
  const count = (status: Result['status']): number =>
    results.filter((result) => result.status === status).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="security-verify" tests="${results.length}" failures="${count('fail')}" errors="${count('error')}" skipped="${count('skipped')}">`,
    ...cases,
    '</testsuite>',
  ].join('\n');
}

/** Removes tokens and control characters from an observation, and cuts it at 500 characters. */
export function clean(text: string): string {
  return (
    text
      .replace(/eyJ[\w-]+(\.[\w-]*){0,2}/g, '[token]')
      .replace(/[A-Za-z0-9_-]{40,}/g, '[redacted]')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
      .replace(/[\u0000-\u001f\u007f]/g, ' ')
      .slice(0, 500)
  );
}

function xml(text: string): string {
  return clean(text).replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Returns the remedy for a target that cannot be reached, by the error's code. */
export function remedyFor(code = ''): string {
  if (/CERT|VERIFY|SELF_SIGNED|ISSUER|ALTNAME/.test(code))
    return 'its certificate is not of that authority (--ca) or not for that host';
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code))
    return 'its name has no address here: is it spelt right, and in DNS or /etc/hosts?';
  return 'is it running, and is the port right?';
}
