import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('main.ts', import.meta.url));
// Answers as Prometheus does; the queries themselves are run on a real one in slo/ and by `npm run test:alerts`.
let share = 0;
const at = 1_800_000_000;
const server = createServer(async (request, response) => {
  const query = new URLSearchParams(await text(request)).get('query') ?? '';
  const series = (metric: object, value: number) => ({
    metric,
    value: [at, String(value)],
    values: [[at, String(value)]],
  });
  const slo = 'api-availability';
  const result = query.includes('environment="prod"')
    ? []
    : query.startsWith('slo:objective')
      ? [series({ slo }, 0.999)]
      : query.startsWith('{')
        ? ['5m', '1h'].map((window) => series({ __name__: `slo:error_ratio:rate${window}`, slo }, share))
        : [series({ slo, window: '1h' }, 5_000)];
  response.end(JSON.stringify({ status: 'success', data: { result } }));
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  share = 0;
});

async function watch(...args: string[]) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [script, '--prometheus', url, ...args]);
  const code = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, errors };
}

test('a quiet time holds', async () => {
  expect(await watch('--for', '1s')).toMatchObject({
    code: 0,
    out: expect.stringContaining('nothing burned'),
  });
  expect(await watch('--past', '1d')).toMatchObject({ code: 0 });
});

test('a burn ends it at once, live and in hindsight', async () => {
  share = 0.05;
  const line = expect.stringContaining('api-availability burns its error budget 50.0 times');
  expect(await watch('--for', '1h')).toMatchObject({ code: 1, out: line });
  expect(await watch('--past', '1d')).toMatchObject({ code: 1, out: line });
});

test('what cannot be checked is said', async () => {
  const { code, errors } = await watch('--environment', 'prod');
  expect(code).toBe(2);
  expect(errors).toContain('records no objectives of prod');
  expect((await watch('--for', 'ever')).code).toBe(2);
  expect((await watch('--nonsense')).code).toBe(2);
});
