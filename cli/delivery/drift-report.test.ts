import { expect, test } from 'vitest';
import { driftMarkdown, driftOf } from './drift-report.ts';

test('only what an up would touch is drift', () => {
  const drifts = driftOf({
    steps: [
      { op: 'same', urn: 'urn:pulumi:dev::simple378::pulumi:pulumi:Stack::simple378-dev' },
      {
        op: 'update',
        urn: 'urn:pulumi:dev::simple378::simple378:Redis$kubernetes:apps/v1:StatefulSet::redis',
        detailedDiff: { 'spec.replicas': { kind: 'update' } },
      },
      { op: 'create', urn: 'urn:pulumi:dev::simple378::kubernetes:core/v1:Service::redis' },
    ],
  });
  expect(drifts).toEqual([
    { resource: 'kubernetes:apps/v1:StatefulSet redis', op: 'update', fields: ['spec.replicas'] },
    { resource: 'kubernetes:core/v1:Service redis', op: 'create', fields: [] },
  ]);
  expect(driftMarkdown('dev', drifts)).toContain(
    '| update | `kubernetes:apps/v1:StatefulSet redis` | `spec.replicas` |',
  );
  expect(driftMarkdown('dev', driftOf({}))).toContain('None');
});
