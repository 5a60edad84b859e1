import { existsSync, readFileSync } from 'node:fs';

const measured = new URL('../../loadtests/capacity.json', import.meta.url);

/** Requests per second that one replica carried in the load test; undefined when none was run. */
export function testedPerReplica(file = measured): number | undefined {
  if (!existsSync(file)) return undefined;
  const { knee } = JSON.parse(readFileSync(file, 'utf8')) as {
    knee?: { readonly replicas: number; readonly requestsPerSecond: number };
  };
  return knee && knee.requestsPerSecond / knee.replicas;
}
