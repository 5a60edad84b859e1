import { relative } from 'node:path';
import type { StackFile } from './stack-file.ts';

/** Returns what runs and how to use it. Every command in it works as printed in the checkout. */
export function summary(stack: StackFile): string {
  const row = (name: string, value: string | null) =>
    value === null ? [] : [`  ${name.padEnd(14)} ${value}`];
  return [
    '',
    'Simple378 runs:',
    ...row('API', stack.replicas.join(' and ')),
    ...row('Prometheus', stack.prometheus),
    ...row('Alertmanager', stack.alertmanager),
    ...row('Grafana', stack.grafana),
    ...row('certificates', `signed by ${stack.ca}`),
    ...row('users', `e-mail, password and role in ${stack.users}`),
    ...row('rate limits', stack.policies),
    '',
    'Sign in and list cases:',
    `  ${loginCommand(stack)}`,
    '',
    'Ctrl-C or npm stop ends it; npm run status shows what runs; npm start -- --help shows options.',
    '',
  ].join('\n');
}

/** Returns a command line for a POSIX shell in the checkout. No password is on it. */
export function loginCommand({ edge, ca }: StackFile): string {
  const file = relative(process.cwd(), ca);
  return `curl -i --cacert ${file} -H "Authorization: Bearer $(npx simple378 stack login)" ${edge}/api/v1/cases`;
}
