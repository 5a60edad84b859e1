import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serving } from './replicas.ts';
import { type StandIns, standIns } from './stand-ins.testing.ts';

const pod = (name: string, ready = true, leaving = false) => ({
  metadata: { name, ...(leaving ? { deletionTimestamp: '2026-11-01T00:00:00Z' } : {}) },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test('replicas are the pods that get requests', () => {
  const items = [
    pod('c'),
    pod('a'),
    pod('starts', false),
    pod('goes', true, true),
    { metadata: { name: 'new' } },
  ];
  expect(serving({ items })).toEqual(['a', 'c']);
});

let here: StandIns;
// In place of cluster and stack; in place of the gate's own script, one that ends as the test says.
beforeEach(() => {
  here = standIns();
  const outputs = { url: 'https://staging.example', namespace: 'trial', users: {} };
  here.tool('pulumi', `echo '${JSON.stringify(outputs)}'`);
  here.tool(
    'kubectl',
    `case "$*" in
       *" get pods "*) cat "$folder/pods.json";;
       *" get secret "*) echo Y2E=;;
       *port-forward*) echo "Forwarding from 127.0.0.1:4\${#4} -> 9464"; exec sleep 60;;
     esac`,
  );
  pods(pod('a'), pod('bb'));
});
afterEach(() => here.remove());

const pods = (...items: object[]) => file('pods.json', items);
const file = (name: string, items: object[]) =>
  writeFileSync(join(here.folder, name), JSON.stringify({ items }));
const calls = (program: string) => here.calls().filter((call) => call.startsWith(program));

test('the load test meets every replica that serves, and no other', () => {
  pods(pod('a'), pod('bb'), pod('ccc', true, true), pod('dddd', false));
  here.tool('npm', '');
  expect(here.run('gate.ts', ['staging', 'limits']).status).toBe(0);
  expect(
    calls('kubectl --namespace trial port-forward')
      .map((call) => call.split(' ')[4])
      .sort(),
  ).toEqual(['pod/a', 'pod/bb']);
  expect(calls('npm')[0]).toContain('--internal https://localhost:45 --internal https://localhost:46');
  const ca = /--internal-ca (\S+)/.exec(calls('npm')[0] ?? '')?.[1] ?? '';
  expect(readFileSync(ca, 'utf8')).toBe('ca');
});

test('counters of replicas that changed meanwhile are not compared; others are', () => {
  file('later.json', [pod('a'), pod('new')]);
  here.tool('npm', 'cp "$folder/later.json" "$folder/pods.json"; exit 1');
  const { status, errors } = here.run('gate.ts', ['staging', 'limits']);
  expect(status).toBe(2);
  expect(errors).toContain('could not compare: the replicas were a, bb and are a, new');
  here.tool('npm', 'exit 1');
  expect(here.run('gate.ts', ['staging', 'limits']).status).toBe(1);
});

test('without a replica, or a cluster, there is nothing to try', () => {
  here.tool('npm', '');
  pods(pod('a', false));
  expect(here.run('gate.ts', ['staging', 'limits'])).toMatchObject({
    status: 2,
    errors: expect.stringContaining('is ready: kubectl get pods'),
  });
  here.tool('kubectl', 'echo "no route to host" >&2; exit 1');
  expect(here.run('gate.ts', ['staging', 'limits']).errors).toContain('no cluster answers');
  expect(calls('npm')).toEqual([]);
});
