import { describe, expect, test } from 'vitest';
import { loadSettings } from '../settings/index.ts';
import { attempts, type Found, findings, probePod, stranger, verdict } from './probe.ts';

const settings = loadSettings('dev', { 'redis.mode': 'sentinel' });
const aims = ['case-service', 'redis', 'edge', 'prometheus'].map((component, index) => ({
  component,
  address: `10.0.0.${index}`,
}));
const allowed = (from: string) =>
  attempts(settings, from, aims)
    .filter((attempt) => attempt.allowed)
    .map(({ to }) => to);

describe('attempts', () => {
  test('go from a source to every port of every component, and expect what the connections say', () => {
    expect(attempts(settings, 'edge', aims)).toHaveLength(9);
    expect(allowed('edge')).toEqual(['case-service:api', 'API server']);
    expect(allowed('case-service')).toEqual(['redis:redis', 'redis:sentinel']);
    expect(allowed('prometheus')).toEqual(['case-service:internal', 'redis:exporter', 'edge:metrics']);
  });

  test('a stranger may do nothing but come in as a client', () => {
    expect(allowed(stranger)).toEqual([]);
  });
});

describe('a probe', () => {
  const pod = probePod(settings, 'edge', 'image', attempts(settings, 'edge', aims));

  test('has the identity of its source, and the name of no workload', () => {
    expect(pod.metadata.labels).toMatchObject({
      'app.kubernetes.io/component': 'edge',
      'app.kubernetes.io/name': 'network-probe',
    });
  });

  test('has no token', () => {
    expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, restartPolicy: 'Never' });
  });
});

describe('the verdict', () => {
  const found = (allowedOnes: boolean[], connected: boolean[]): Found[] =>
    allowedOnes.map((ok, index) => ({
      from: 'a',
      to: `b:${index}`,
      host: '10.0.0.1',
      port: 1,
      allowed: ok,
      connected: connected[index] as boolean,
    }));

  test('enforced: each as declared', () => {
    expect(verdict(found([true, false], [true, false]))).toEqual({
      status: 'enforced',
      lines: [],
      unjudged: [],
    });
  });

  test('violated: one leaks, or one is cut off', () => {
    expect(verdict(found([true, false, false], [true, true, false]))).toEqual({
      status: 'violated',
      lines: ['a reaches b:1, which no connection allows'],
      unjudged: [],
    });
    expect(verdict(found([true, false], [false, false])).lines).toEqual([
      'a does not reach b:0, which a connection allows',
    ]);
  });

  test('not enforced: everything forbidden went through, which is no pass', () => {
    expect(verdict(found([true, false, false], [true, true, true])).status).toBe('not enforced');
  });

  test('no policy governs an API server on the own node: it is said and not judged, one elsewhere is', () => {
    const list = attempts(settings, stranger, []);
    const seen = (node: string) => verdict(findings(stranger, list, [true], node, ['10.0.0.9']));
    expect(seen('10.0.0.9')).toEqual({
      status: 'enforced',
      lines: [],
      unjudged: ['stranger reaches API server on its own node'],
    });
    expect(seen('10.0.0.8').lines).toEqual(['stranger reaches API server, which no connection allows']);
    // What is governed is judged on that node, too.
    const all = findings(stranger, attempts(settings, stranger, aims), Array(9).fill(true), '10.0.0.9', [
      '10.0.0.9',
    ]);
    expect(verdict(all)).toMatchObject({ status: 'not enforced', unjudged: { length: 1 } });
  });
});
