import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ChildProcess, spawn } from '../programs/child-process.ts';

const copy = '20260101T000000Z.rdb';
let folder: string;

/** Stands in for kubectl and a cluster: notes what changes, and answers as the files of its folder say. */
const fake = `#!${process.execPath}
const fs = require('node:fs');
const [, , ...all] = process.argv;
const args = all[0] === '--namespace' ? all.slice(2) : all;
const text = args.join(' ');
const file = (name) => __dirname + '/' + name;
const has = (name) => fs.existsSync(file(name));
const note = (line) => fs.appendFileSync(file('notes'), line + '\\n');
const failing = has('fails') ? fs.readFileSync(file('fails'), 'utf8').trim() : undefined;
if (failing && text.startsWith(failing.split('|')[0])) {
  process.stderr.write(failing.split('|')[1]);
  process.exit(1);
}
if (args[0] === 'scale') {
  note(text);
  fs.writeFileSync(file('replicas'), text.split('=')[1]);
} else if (args[0] === 'apply') {
  const pod = JSON.parse(fs.readFileSync(0, 'utf8'));
  const claims = pod.spec.volumes.flatMap((v) => v.persistentVolumeClaim ? [v.persistentVolumeClaim.claimName] : []);
  note('run ' + pod.metadata.name + ' ' + claims.join('+') + ' ' + pod.spec.containers[0].command.slice(2).join(' '));
} else if (args[0] === 'delete' && !has('quiet')) note('delete ' + args[2]);
else if (text.startsWith('get statefulset')) console.log(JSON.stringify({ spec: { replicas: Number(fs.readFileSync(file('replicas'), 'utf8')) } }));
else if (text.startsWith('get pods')) console.log('{"items":[]}');
else if (text.startsWith('get pod ')) {
  const phase = has('hangs') && text.includes('redis-restore-0') ? 'Pending' : 'Succeeded';
  const last = fs.readFileSync(file('notes'), 'utf8').trim().split('\\n').at(-1);
  const other = has('zone') && !last.includes('data-redis-' + fs.readFileSync(file('zone'), 'utf8').trim());
  console.log(JSON.stringify({ status: { phase, conditions: [{ type: 'PodScheduled', status: other ? 'False' : 'True', message: 'volume node affinity conflict' }] } }));
} else if (args[0] === 'logs') console.log('/backup/${copy}');
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restore-'));
  writeFileSync(join(folder, 'kubectl'), fake, { mode: 0o755 });
  answers('replicas', '3');
  answers('notes', '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const answers = (name: string, text: string) => writeFileSync(join(folder, name), text);
const notes = () => readFileSync(join(folder, 'notes'), 'utf8').trim().split('\n');
const sentinel = ['--set', 'redis.mode=sentinel'];

function start(...args: string[]): { child: ChildProcess; ended: Promise<{ code: number; said: string }> } {
  const child = spawn(process.execPath, ['cli/main.ts', 'env', 'restore', 'dev', copy, '--yes', ...args], {
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, said })) };
}
const restore = (...args: string[]) => start(...args).ended;

test('the copy goes to one server; the others are emptied, and all are started again', async () => {
  expect(await restore(...sentinel)).toMatchObject({ code: 0 });
  const main = 'redis-0.redis.simple378-dev.svc';
  expect(notes().filter((line) => !line.startsWith('delete'))).toEqual([
    expect.stringMatching(/^run redis-copies redis-backup /),
    'run redis-restore-check redis-backup+data-redis-0 ',
    'scale statefulset/redis --replicas=0',
    `run redis-restore-0 redis-backup+data-redis-0 ${main} ${copy}`,
    `run redis-restore-1 data-redis-1 ${main}`,
    `run redis-restore-2 data-redis-2 ${main}`,
    'scale statefulset/redis --replicas=3',
  ]);
});

test('no pod stays', async () => {
  await restore(...sentinel);
  const ran = notes().flatMap((line) => (line.startsWith('run') ? [line.split(' ')[1]] : []));
  for (const pod of ran)
    expect(notes().lastIndexOf(`delete ${pod}`)).toBeGreaterThan(
      notes().findIndex((line) => line.startsWith(`run ${pod}`)),
    );
});

test('after one that was interrupted and left no server, all of them are there again', async () => {
  answers('replicas', '0');
  expect(await restore()).toMatchObject({ code: 0 });
  expect(notes()).toContainEqual(expect.stringMatching(/^run redis-restore-0 /));
  expect(readFileSync(join(folder, 'replicas'), 'utf8')).toBe('1');
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s in the midst of it starts Redis again',
  async (signal) => {
    answers('hangs', '');
    const { child, ended } = start(...sentinel);
    await vi.waitFor(() => expect(notes().join()).toContain('run redis-restore-0'), 20_000);
    child.kill(signal);
    const { code, said } = await ended;
    expect(code).toBe(1);
    expect(said).toContain(`interrupted by ${signal}`);
    expect(notes().slice(-2)).toEqual(['delete redis-restore-0', 'scale statefulset/redis --replicas=3']);
  },
  40_000,
);

test('where volumes belong to zones, the server is taken that is in the zone of the copies', async () => {
  answers('zone', '1');
  expect(await restore(...sentinel)).toMatchObject({ code: 0 });
  expect(notes()).toContain(
    `run redis-restore-1 redis-backup+data-redis-1 redis-1.redis.simple378-dev.svc ${copy}`,
  );
}, 120_000);

test('a pod that is gone ends it at once, and Redis is started', async () => {
  answers('fails', 'get pod redis-restore-0|Error from server (NotFound): pods "redis-restore-0" not found');
  const { code, said } = await restore();
  expect([code, said]).toEqual([1, expect.stringContaining('(NotFound)')]);
  expect(notes().at(-1)).toBe('scale statefulset/redis --replicas=1');
});

test('where no server is in the zone of the copies, Redis is not stopped', async () => {
  answers('zone', 'none');
  const { code, said } = await restore();
  expect([code, said]).toEqual([1, expect.stringContaining('redis-0: volume node affinity conflict')]);
  expect(notes().join()).not.toContain('scale');
}, 40_000);
