import { expect, test } from 'vitest';
import { runningImage } from './running-image.ts';

const deployment = (name: string, image: string) => ({
  type: 'kubernetes:apps/v1:Deployment',
  outputs: { metadata: { name }, spec: { template: { spec: { containers: [{ image }] } } } },
});

test('the image is that of the service and of nothing else', () => {
  const resources = [
    { type: 'pulumi:pulumi:Stack' },
    deployment('grafana', 'grafana:1'),
    deployment('case-service', 'case-service:1'),
  ];
  expect(runningImage({ deployment: { resources } })).toBe('case-service:1');
  expect(runningImage({ deployment: { resources: resources.slice(0, 2) } })).toBeNull();
  expect(runningImage({ deployment: {} })).toBeNull();
});
