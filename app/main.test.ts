import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, Client, request } from 'undici';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ChildProcess, spawn } from '../infra/programs/child-process.ts';
import { type Backing, startBacking, until } from '../test/support/service.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

let backing: Backing;
const children: ChildProcess[] = [];

beforeAll(async () => {
  backing = await startBacking();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => backing.stop());

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

function run(environment: Readonly<Record<string, string>>, ...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { env: environment });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { child, output: () => output, exit: once(child, 'close').then(([code]) => code as number | null) };
}

const probe = async (port: string | undefined, path: string): Promise<number> => {
  const dispatcher = new Agent({ connect: { ca: backing.authority.certificate } });
  try {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}${path}`, { dispatcher });
    await body.dump();
    return statusCode;
  } catch {
    return 0;
  } finally {
    await dispatcher.close();
  }
};

test('lists everything that is wrong with the settings at once, and exits with 78', async () => {
  const bad = run(
    { ENVIRONMENT: 'production', API_PORT: '99999', SECRETS_DIR: '/nowhere' },
    '--check-config',
  );
  expect(await bad.exit).toBe(78);
  const output = bad.output();
  for (const part of [
    'ENVIRONMENT is "production"; set it to local, dev, staging or prod',
    'API_PORT is "99999"; set it to an integer, 1 to 65535',
    'TLS_DIR is missing',
    'TOKEN_ISSUER is missing',
    'SECRETS_DIR/token-keys.json cannot be read (ENOENT)',
  ]) {
    expect(output).toContain(part);
  }
  expect(output).not.toContain('    at ');
});

test('ends on SIGTERM without losing a request of 20 clients: not ready, then drained, then closed', async () => {
  const environment = await backing.environment({ DRAIN_SECONDS: '3', SHUTDOWN_SECONDS: '10' });
  const { child, output, exit } = run(environment);
  await until(async () => (await probe(environment.INTERNAL_PORT, '/health/ready')) === 200);
  const answers: (number | string)[] = [];
  let balancerSeesIt = false;
  const client = async () => {
    const connection = new Client(`https://127.0.0.1:${environment.API_PORT}`, {
      connect: { ca: backing.authority.certificate },
    });
    while (!balancerSeesIt) {
      try {
        const { statusCode, body } = await connection.request({ method: 'GET', path: '/health' });
        await body.dump();
        answers.push(statusCode);
      } catch (error) {
        answers.push(String(error));
      }
    }
    await connection.close();
  };
  const traffic = Promise.all(Array.from({ length: 20 }, client));
  await until(() => answers.length > 200);
  child.kill('SIGTERM');
  await until(async () => (await probe(environment.INTERNAL_PORT, '/health/ready')) === 503);
  expect(await probe(environment.INTERNAL_PORT, '/health/live')).toBe(200);
  const before = answers.length;
  await until(() => answers.length > before + 50);
  balancerSeesIt = true;
  await traffic;
  expect(await exit).toBe(0);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(output()).toContain('"event":"stopped","cut":false');
});

test('exits at once on a second signal', async () => {
  const environment = await backing.environment({ DRAIN_SECONDS: '60', SHUTDOWN_SECONDS: '90' });
  const { child, output, exit } = run(environment);
  await until(() => output().includes('"event":"started"'));
  child.kill('SIGINT');
  await until(() => output().includes('"event":"draining"'));
  child.kill('SIGINT');
  expect(await exit).toBe(1);
});

test('logs an unexpected error once and ends, so that a supervisor starts it anew', async () => {
  const environment = await backing.environment();
  const preload = join(backing.dir, 'preload.mjs');
  writeFileSync(preload, "process.on('SIGUSR2', () => { throw new Error('the canary in a message'); });");
  const child = spawn(process.execPath, ['--import', preload, main], { env: environment });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exit = once(child, 'close');
  await until(() => output.includes('"event":"started"'));
  child.kill('SIGUSR2');
  expect((await exit)[0]).toBe(1);
  expect(output.split('"event":"crashed"')).toHaveLength(2);
  expect(output).not.toContain('canary');
});
