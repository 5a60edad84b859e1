import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { currentDigest, type Reference, referencesIn } from './registry.ts';

const digest = `sha256:${'a'.repeat(64)}`;
// A registry in small, which public ones cannot be relied on for in a test: token, then manifest.
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
  const { port } = server.address() as AddressInfo;
  if (pathname === '/token') {
    response.end(JSON.stringify({ token: `for ${searchParams.get('scope')}` }));
  } else if (request.headers.authorization !== 'Bearer for repository:team/app:pull') {
    response.writeHead(401, {
      'www-authenticate': `Bearer realm="http://127.0.0.1:${port}/token",service="x",scope="repository:team/app:pull"`,
    });
    response.end();
  } else if (pathname === '/v2/team/app/manifests/1.2') {
    response.writeHead(200, { 'docker-content-digest': digest });
    response.end();
  } else {
    response.writeHead(404).end();
  }
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

const at = (tag: string): Reference => {
  const { port } = server.address() as AddressInfo;
  return { registry: `127.0.0.1:${port}`, repository: 'team/app', tag, digest };
};

test('the digest of a tag, by an anonymous token', async () => {
  expect(await currentDigest(at('1.2'))).toBe(digest);
});

test('a tag that is not there is an error with its name', async () => {
  await expect(currentDigest(at('9'))).rejects.toThrow('team/app:9: the registry answered 404');
});

test('references are found, placeholders are not', () => {
  const text = `a: 'docker.io/library/redis:8.10.1@${digest}', registry.example/x/y:1@sha256:${'0'.repeat(64)}`;
  expect(referencesIn(text)).toEqual([
    { registry: 'docker.io', repository: 'library/redis', tag: '8.10.1', digest },
  ]);
});
