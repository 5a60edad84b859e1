import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { costOf } from './cost.ts';

const folder = mkdtempSync(join(tmpdir(), 'cost-'));
afterAll(() => rmSync(folder, { recursive: true }));

const container = (cpu: string, memory: string) => ({ resources: { requests: { cpu, memory } } });
const workload = (kind: string, name: string, spec: object) => ({ kind, metadata: { name }, spec });

test('pods, volumes and autoscaling are added up; jobs and other objects are not', () => {
  write('a/app.yaml', workload('Deployment', 'app', { template: pod(container('250m', '512Mi')) }));
  write(
    'a/hpa.yaml',
    workload('HorizontalPodAutoscaler', 'app', {
      minReplicas: 2,
      maxReplicas: 4,
      scaleTargetRef: { name: 'app' },
    }),
  );
  write(
    'a/store.yaml',
    workload('StatefulSet', 'store', {
      replicas: 3,
      template: pod(container('1', '1Gi'), container('100m', '0')),
      volumeClaimTemplates: [{ spec: { resources: { requests: { storage: '10Gi' } } } }],
    }),
  );
  write(
    'a/claim.yaml',
    workload('PersistentVolumeClaim', 'copies', { resources: { requests: { storage: '5Gi' } } }),
  );
  write('a/job.yaml', workload('CronJob', 'copy', { template: pod(container('8', '8Gi')) }));
  write('a/secret.yaml', { kind: 'Secret', metadata: { name: 's' } });
  const fewest = costOf(join(folder, 'a'), false);
  expect(fewest).toMatchObject({ pods: 5, memory: 4, disk: 35 });
  expect(fewest.cores).toBeCloseTo(3.8);
  expect(costOf(join(folder, 'a'), true)).toMatchObject({ pods: 7, memory: 5 });
});

test('a unit that it does not know is an error, not a wrong sum', () => {
  write('b/app.yaml', workload('Deployment', 'app', { template: pod(container('250m', '512M')) }));
  expect(() => costOf(join(folder, 'b'), false)).toThrow('memory: 512M is in no known unit');
});

function pod(...containers: object[]) {
  return { spec: { containers } };
}

function write(path: string, manifest: object) {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  // JSON is YAML.
  writeFileSync(join(folder, path), JSON.stringify(manifest));
}
