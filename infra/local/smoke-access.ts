import { send } from './http.ts';
import { expect, type SmokeClient, type SmokeStep } from './smoke-client.ts';

const wanted = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
} as const;

/** Steps about listeners and sign-in. After them, all users are signed in. */
export function accessSteps({ stack, users, login, signIn, doMainJob }: SmokeClient): SmokeStep[] {
  return [
    [
      'security headers on an answer',
      async () => {
        const { headers } = await send(`${stack.edge}/`);
        for (const [name, value] of Object.entries(wanted))
          expect(headers[name] === value, `${name} is ${headers[name]}, not ${value}`);
        const policy = String(headers['content-security-policy']);
        expect(policy.includes("default-src 'none'"), 'the CSP is not strict');
        return `${Object.keys(wanted).length + 1} headers`;
      },
    ],
    [
      'plain HTTP serves nothing',
      async () => {
        const { status, headers } = await send(`${stack.plain}/api/v1/cases`);
        const nothing = status === 403 && headers.location === undefined;
        expect(nothing, `status ${status}, location ${headers.location}`);
        return '403, no redirect';
      },
    ],
    [
      'a wrong login is refused',
      async () => {
        const { status } = await login({ ...users.first, password: 'not the password' });
        expect(status === 401, `status ${status}`);
        return '401';
      },
    ],
    [
      'three users log in',
      async () => {
        for (const account of Object.values(users)) await signIn(account);
        return `${Object.keys(users).length} tokens`;
      },
    ],
    ['a case created on one replica is read on the other', doMainJob],
  ];
}
