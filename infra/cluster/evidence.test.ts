import { expect, test } from 'vitest';
import type { Evidence } from '../evidence.ts';
import { judged, type Outcome } from './evidence.ts';

const same = { version: 'Kubernetes v1.34.4', expects: 'every check holds on dev', date: '2026-11-28' };
const earlier: Evidence = {
  tool: 'test:cluster',
  ...same,
  passed: false,
  summary: '1 checks hold on a real cluster',
  findings: ['failover: 503 for 5202 ms'],
  accepted: [],
  skipped: ['single: redis.mode is sentinel'],
  seen: ['pods: 10 pods ready'],
};
const failover = (status: Outcome['status']): Outcome => ({
  name: 'failover',
  status,
  said: 'ten of ten',
  seconds: 1,
});

test('a check that is repeated by itself takes the place of its own line, and no other', () => {
  expect(judged([failover('ok')], earlier, same)).toEqual({
    passed: true,
    summary: '2 checks hold on a real cluster',
    findings: [],
    skipped: ['single: redis.mode is sentinel'],
    seen: ['pods: 10 pods ready', 'failover: ten of ten'],
  });
  const other = judged([{ ...failover('ok'), name: 'backup' }], earlier, same);
  expect(other).toMatchObject({ passed: false, findings: ['failover: 503 for 5202 ms'] });
});

test.each([
  ['of another day', { date: '2026-11-27' }],
  ['with other settings', { expects: 'every check holds on dev with redis.mode=sentinel' }],
  ['on another cluster', { version: 'Kubernetes v1.35.0' }],
])('what was seen %s does not count', (_, other) => {
  expect(judged([failover('FAIL')], { ...earlier, ...other }, same)).toEqual({
    passed: false,
    summary: '0 checks hold on a real cluster',
    findings: ['failover: ten of ten'],
    skipped: [],
    seen: [],
  });
});
