import * as pulumi from '@pulumi/pulumi';
import { expect, test } from 'vitest';
import { CaseStack } from './index.ts';

test('the example brings up two stacks in one program, each resource under a name of its own', async () => {
  const seen: { type: string; name: string; inputs: { metadata?: { namespace?: string } } }[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: (resource) => {
        seen.push(resource);
        return { id: resource.name, state: resource.inputs };
      },
      call: ({ inputs }) => inputs,
    },
    'a-team',
    'dev',
    true,
  );
  const { urls } = (await import('../docs/examples/two-stacks.ts')) as { urls: pulumi.Output<string>[] };
  const values = await Promise.all(urls.map((url) => new Promise((resolve) => url.apply(resolve))));
  await pulumi.runtime.disconnect();
  expect(values).toEqual(['https://north.example', 'https://south.example']);
  const keys = seen.map(({ type, name }) => `${type}::${name}`);
  expect(new Set(keys).size).toBe(keys.length);
  const namespaces = new Set(seen.map(({ inputs }) => inputs.metadata?.namespace));
  expect([...namespaces].filter((namespace) => namespace !== undefined).sort()).toEqual([
    'cases-north',
    'cases-south',
  ]);
  expect(seen.some(({ name }) => name === 'north/statefulset/redis')).toBe(true);
});

test('wrong settings stop the program with every problem', () => {
  const settings = { environment: 'dev', app: { replicas: 0 } } as const;
  expect(() => new CaseStack('wrong', { settings: settings as never })).toThrow(
    /CaseStack wrong: \d+ problem[\s\S]*app\.replicas: 0/,
  );
});
