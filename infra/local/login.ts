import { readFileSync } from 'node:fs';
import type { Account } from './credentials.ts';
import { send } from './http.ts';
import { readStackFile } from './stack-file.ts';

const help = `npx simple378 stack login [ROLE or E-MAIL]

Signs in to the stack of this checkout and prints an access token. Default: the first caseworker.

Exit: 0 a token is printed, 1 the service refused, 2 nothing runs or wrong usage.`;

process.exitCode = await login(process.argv.slice(2));

async function login([wanted = 'caseworker', ...more]: readonly string[]): Promise<number> {
  if (wanted === '--help') {
    console.log(help);
    return 0;
  }
  const stack = readStackFile();
  if (stack === undefined) return refuse('Nothing runs: npm start starts the stack.');
  const accounts = JSON.parse(readFileSync(stack.users, 'utf8')) as Account[];
  const account = accounts.find(({ email, role }) => wanted === role || wanted === email);
  if (account === undefined || more.length > 0)
    return refuse(`${[wanted, ...more].join(' ')}: name one role or e-mail of ${stack.users}`);
  const { email, password } = account;
  const { status, text } = await send(`${stack.edge}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  if (status !== 200) {
    console.error(`login: ${email} was refused with ${status}: ${text}`);
    return 1;
  }
  console.log((JSON.parse(text) as { accessToken: string }).accessToken);
  return 0;
}

function refuse(reason: string): number {
  console.error(`login: ${reason}`);
  return 2;
}
