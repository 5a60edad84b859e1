// Two case stacks in a program of your own: one file beside a Pulumi.yaml, with simple378 among the dependencies.
import { CaseStack } from 'simple378/infra';

const generation = { active: '2026-11-01', accepted: ['2026-11-01'] };
const stackFor = (team: string) =>
  new CaseStack(team, {
    settings: {
      environment: 'dev',
      namespace: `cases-${team}`,
      cluster: { podCidrs: ['10.244.0.0/16'], apiServerCidrs: ['10.0.0.1/32'] },
      app: { image: 'registry.example/simple378/case-service:0.1.0' },
      limits: [
        { name: 'global', quota: 12_000 },
        { name: 'anonymous', quota: 6_000 },
      ],
      edge: { host: `${team}.example` },
      secrets: { tokenKeys: generation, dataKeys: generation, redisPasswords: generation },
    },
  });

export const urls = [stackFor('north').url, stackFor('south').url];
