import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StandIns, standIns } from './stand-ins.testing.ts';

const pod = (name: string, ready = true, leaving = false) => ({
  metadata: { name, ...(leaving ? { deletionTimestamp: '2026-11-01T00:00:00Z' } : {}) },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

let here: StandIns;
// Stand-ins for the cluster, the stack and the gate's own command.
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

test('the load test gets every ready replica, and no other', () => {
  pods(pod('bb'), pod('a'), pod('ccc', true, true), pod('dddd', false));
  here.inner('');
  expect(here.run(['env', 'gate', 'staging', 'limits']).status).toBe(0);
  expect(
    calls('kubectl --namespace trial port-forward')
      .map((call) => call.split(' ')[4])
      .sort(),
  ).toEqual(['pod/a', 'pod/bb']);
  expect(calls('simple378')[0]).toContain('--internal https://localhost:45 --internal https://localhost:46');
  const ca = /--internal-ca (\S+)/.exec(calls('simple378')[0] ?? '')?.[1] ?? '';
  expect(readFileSync(ca, 'utf8')).toBe('ca');
});

test('a failed gate could not be checked when the replicas changed meanwhile', () => {
  file('later.json', [pod('a'), pod('new')]);
  here.inner('cp "$folder/later.json" "$folder/pods.json"; exit 1');
  const { status, errors } = here.run(['env', 'gate', 'staging', 'limits']);
  expect(status).toBe(2);
  expect(errors).toContain('the replicas changed from a, bb to a, new');
  here.inner('exit 1');
  expect(here.run(['env', 'gate', 'staging', 'limits']).status).toBe(1);
});

test('without a ready replica or a cluster the gate could not be checked', () => {
  here.inner('');
  pods(pod('a', false));
  expect(here.run(['env', 'gate', 'staging', 'limits'])).toMatchObject({
    status: 2,
    errors: expect.stringContaining('is ready: kubectl get pods'),
  });
  here.tool('kubectl', 'echo "no route to host" >&2; exit 1');
  expect(here.run(['env', 'gate', 'staging', 'limits']).errors).toContain('no cluster answers');
  expect(calls('simple378')).toEqual([]);
});
