import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { spawn } from '../../infra/programs/child-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Answers as Prometheus does; other tests run the queries on a real one.
let share = 0;
let events = 5_000;
/** Whether the rules ran at a time. */
let ran = (_at: number): boolean => true;
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://x');
  const query = searchParams.get('query') ?? '';
  const [start, end, step] = ['start', 'end', 'step'].map((name) =>
    Number(searchParams.get(name) ?? Number.NaN),
  );
  const series = (metric: object, value: number) => {
    const values: [number, string][] = [];
    for (let at = start as number; at <= (end as number); at += step as number)
      if (ran(at)) values.push([at, String(value)]);
    return { metric, value: [1_800_000_000, String(value)], values };
  };
  const slo = 'api-availability';
  const result = query.includes('environment="prod"')
    ? []
    : query.startsWith('slo:objective')
      ? [series({ slo }, 0.999)]
      : query.startsWith('{')
        ? ['5m', '1h'].map((window) => series({ __name__: `slo:error_ratio:rate${window}`, slo }, share))
        : [series({ slo, window: '1h' }, events)];
  response.end(JSON.stringify({ status: 'success', data: { result } }));
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  share = 0;
  events = 5_000;
  ran = () => true;
});

async function watch(...args: string[]) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(
    process.execPath,
    ['cli/main.ts', 'verify', 'error-budgets', '--prometheus', url, ...args],
    {
      cwd: root,
    },
  );
  const code = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, errors };
}

test('a quiet time holds', async () => {
  expect(await watch('--for', '1s')).toMatchObject({
    code: 0,
    out: expect.stringContaining('no error budget burned too fast'),
  });
  expect(await watch('--past', '1d')).toMatchObject({ code: 0 });
});

test('a burn ends it at once, live and in hindsight', async () => {
  share = 0.05;
  const line = expect.stringContaining('api-availability burns its error budget 50.0 times');
  expect(await watch('--for', '1h')).toMatchObject({ code: 1, out: line });
  expect(await watch('--past', '1d')).toMatchObject({ code: 1, out: line });
});

test('where too little happened to judge, nothing is said to hold', async () => {
  events = 199;
  const errors = expect.stringMatching(
    /too few requests to judge.*\(api-availability 199 of 200, .*login 0 of 200/s,
  );
  expect(await watch('--for', '1s')).toMatchObject({ code: 2, errors });
  expect(await watch('--past', '1d')).toMatchObject({ code: 2, errors });
  expect((await watch('--for', '1s')).errors).toContain('npx simple378 verify load mixed');
});

test('a time that Prometheus did not record is unknown, and a short pause of it is not', async () => {
  const now = Date.now() / 1000;
  ran = (at) => at < now - 50_000 || at > now - 49_500;
  expect(await watch('--past', '1d')).toMatchObject({ code: 0 });
  ran = (at) => at < now - 50_000 || at > now - 48_000;
  const [hole] = /from \S+ to \S+:/.exec((await watch('--past', '1d')).errors) ?? [];
  expect(hole).toBeDefined();
  ran = (at) => at > now - 3_600;
  expect(await watch('--past', '1d')).toMatchObject({
    code: 2,
    errors: expect.stringContaining('find the cause'),
  });
  expect(await watch('--past', '45m')).toMatchObject({ code: 0 });
});

test('a burn beside a hole is a burn', async () => {
  share = 0.05;
  ran = (at) => at > Date.now() / 1000 - 3_600;
  expect(await watch('--past', '1d')).toMatchObject({ code: 1 });
});

test('what cannot be checked is said', async () => {
  const { code, errors } = await watch('--environment', 'prod');
  expect(code).toBe(2);
  expect(errors).toContain('records no objectives of prod');
  expect((await watch('--for', 'ever')).code).toBe(2);
  expect((await watch('--nonsense')).code).toBe(2);
});
