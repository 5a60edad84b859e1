import { existsSync, readFileSync } from 'node:fs';

const file = new URL('../../loadtests/capacity.json', import.meta.url);

/** What the load tests reached, requests per second of the whole fleet; undefined when none was run. */
export function testedRequestsPerSecond(): number | undefined {
  if (!existsSync(file)) return undefined;
  const { requestsPerSecond } = JSON.parse(readFileSync(file, 'utf8')) as { requestsPerSecond?: unknown };
  return typeof requestsPerSecond === 'number' ? requestsPerSecond : undefined;
}
