import { readFileSync } from 'node:fs';
import type { Account } from './credentials.ts';
import { send } from './http.ts';
import { readStackFile } from './stack-file.ts';

/**
 * Signs in to the stack of this checkout and prints an access token.
 * @param wanted a role or an e-mail address
 * @returns the exit code: 0 a token is printed, 1 the service refused, 2 no stack runs or it has no such account
 */
export async function login(wanted: string): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) return refuse('Nothing runs: npm start starts the stack.');
  const accounts = JSON.parse(readFileSync(stack.users, 'utf8')) as Account[];
  const account = accounts.find(({ email, role }) => wanted === role || wanted === email);
  if (account === undefined) return refuse(`${wanted}: name one role or e-mail of ${stack.users}`);
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
