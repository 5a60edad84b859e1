import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawn } from '../../infra/programs/child-process.ts';

const script = fileURLToPath(new URL('./kube-credential.ts', import.meta.url));
const exp = 1_800_000_000;
const token = `h.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;
const seen: string[] = [];
// Stands in for GitHub's token endpoint, which only a job can reach.
const server = createServer((request, response) => {
  seen.push(`${request.url} ${request.headers.authorization}`);
  response.end(JSON.stringify({ value: token }));
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function credential(env: Record<string, string>) {
  const child = spawn(process.execPath, [script], { env: { PATH: process.env.PATH ?? '', ...env } });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { out, errors, code };
}

test('a job’s identity becomes an ExecCredential with its end', async () => {
  const { port } = server.address() as AddressInfo;
  const { out, code } = await credential({
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?v=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
    KUBE_AUDIENCE: 'https://cluster.example/a b',
  });
  expect(code).toBe(0);
  expect(seen).toEqual(['/token?v=1&audience=https%3A%2F%2Fcluster.example%2Fa%20b Bearer secret']);
  expect(JSON.parse(out)).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token, expirationTimestamp: '2027-01-15T08:00:00.000Z' },
  });
});

test('outside a job it says what it needs', async () => {
  const { code, errors } = await credential({});
  expect(code).toBe(2);
  expect(errors).toContain('id-token: write');
});
