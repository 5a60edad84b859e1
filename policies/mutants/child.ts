import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicKey, refused } from '../verify/checks/auth.ts';
import { checks } from '../verify/checks/index.ts';
import { send } from '../verify/client.ts';
import { forgeries } from '../verify/forge.ts';
import { verify } from '../verify/run.ts';
import { type RunningVictim, startVictim } from './victim.ts';

/**
 * Runs in a process of its own over a copy of the service with a broken line: asks the named proofs and prints the
 * first that turned red. usage: node child.ts FOLDER PROOF…
 */
const [root = '', ...proofs] = process.argv.slice(2);
const marker = 'canary-of-the-source-mutants';

const own: Readonly<Record<string, (victim: RunningVictim) => Promise<string | null>>> = {
  /** Wrong claims under the right signature. */
  async 'own-key-forgeries'({ backing, service, api }) {
    const user = backing.users.find(({ role }) => role === 'caseworker');
    if (!user) return null;
    const { accessToken } = await service.login(user);
    const file = JSON.parse(readFileSync(join(backing.dir, 'secrets/token-keys.json'), 'utf8')) as {
      keys: object[];
    };
    const key = createPrivateKey({ key: file.keys[0] as never, format: 'jwk' });
    for (const { name, authorization } of forgeries(
      accessToken,
      await publicKey({ target: api }, accessToken),
      key,
    )) {
      const headers = authorization.map((value) => ['authorization', value] as const);
      const answer = await send(api, { path: '/api/v1/auth/me', headers });
      const problem = authorization.length > 1 && answer.status === 400 ? null : refused(answer);
      if (problem) return `${name}: ${problem}`;
    }
    return null;
  },
  /** Case text, password and query in the log. */
  async 'log-canary'({ backing, service }) {
    const session = await service.login(backing.users[1] as never);
    await session.send('POST', '/api/v1/cases', { body: { title: marker } });
    await service.send('GET', `/api/v1/cases?token=${marker}`, {
      headers: { authorization: `Bearer ${marker}` },
    });
    await service.send('POST', '/api/v1/auth/login', { body: { email: 'a@example.com', password: marker } });
    return service.logText().includes(marker) ? 'the log holds it' : null;
  },
  /** Case text and refresh tokens in the append-only file. */
  async 'disk-canary'({ backing, service }) {
    const session = await service.login(backing.users[1] as never);
    await session.send('POST', '/api/v1/cases', { body: { title: marker } });
    const files = readdirSync(backing.redis.dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.aof'),
    );
    const disk = files.map((file) => readFileSync(join(backing.redis.dir, file), 'latin1')).join('');
    return [marker, session.refreshToken].some((secret) => disk.includes(secret))
      ? 'the append-only file holds it'
      : null;
  },
  /** Fifty refreshes with one token: one family, everybody answered; later reuse ends it. */
  async 'refresh-races'({ backing, service }) {
    const { refreshToken } = await service.login(backing.users[1] as never);
    const refresh = (token: string) =>
      service.send('POST', '/api/v1/auth/refresh', { body: { refreshToken: token } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refreshToken)));
    const successors = new Set(answers.map(({ json }) => json.refreshToken));
    return successors.size === 1 && answers.every(({ status }) => status === 200)
      ? null
      : `${successors.size} successors`;
  },
};

async function firstRed(): Promise<string | null> {
  const victim = await startVictim(root, { appendonly: 'yes', appendfsync: 'always' });
  try {
    const { api: target, plain, internal, operations, backing } = victim;
    for (const name of proofs) {
      const probe = own[name];
      const red = probe ? await probe(victim) : null;
      if (red) return `${name}: ${red}`;
      const check = checks.find(({ id }) => id === name);
      if (!probe && !check) throw new Error(`no proof ${name}`);
      if (!check) continue;
      const [result] = await verify({ target, plain, internal, operations, users: backing.users }, [check]);
      if (result?.status === 'fail') return `${name}: ${result.observed}`;
    }
    return null;
  } finally {
    await victim.stop();
  }
}

const red = await firstRed().catch(
  (error: unknown) => `it does not start: ${error instanceof Error ? error.message : String(error)}`,
);
process.stdout.write(JSON.stringify({ red }));
process.exit(0);
