import { readFileSync } from 'node:fs';
import type { StackFile } from './stack-file.ts';

/** What runs and how to use it; every command in it works as printed. */
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
    'Log in and list cases:',
    loginCommand(stack),
    '',
    'Ctrl-C or npm stop ends it; npm run status shows what runs; npm start -- --help shows options.',
    '',
  ].join('\n');
}

/** A line for a POSIX shell. The password goes from the file to curl's standard input, never onto a command line. */
function loginCommand({ edge, ca, users }: StackFile): string {
  const [first] = (JSON.parse(readFileSync(users, 'utf8')) as { role: string }[])
    .map(({ role }, index) => ({ role, index }))
    .filter(({ role }) => role === 'caseworker');
  const credentials = `node -e 'const {email,password}=JSON.parse(require("fs").readFileSync(process.argv[1]))[${first?.index ?? 0}];console.log(JSON.stringify({email,password}))' ${quote(users)}`;
  const token = `node -p 'JSON.parse(require("fs").readFileSync(0)).accessToken'`;
  const login = `curl -sS --cacert ${quote(ca)} --json @- ${edge}/api/v1/auth/login`;
  return `  ${credentials} | ${login} | ${token} | sed 's/^/Authorization: Bearer /' | curl -sS --cacert ${quote(ca)} -H @- -i ${edge}/api/v1/cases`;
}

const quote = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
