import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { type ChildProcess, fork } from '../../infra/programs/child-process.ts';
import type { Target } from './connect.ts';
import { medianOf } from './measure.ts';

/** Requests per second of one server, median of rounds in turn. */
export interface HttpResult {
  readonly name: string;
  readonly perSecond: number;
}

const contenders = [
  { kind: 'none', name: 'no limiter' },
  { kind: 'ours', name: 'ours, 2 rules' },
  { kind: 'theirs', name: '@fastify/rate-limit, 1 rule' },
] as const;

/** The same empty handler behind no limiter, ours, and @fastify/rate-limit: a process each, 64 connections from this one. */
export async function http(target: Target, rounds: number, seconds: number): Promise<HttpResult[]> {
  const servers: { name: string; url: string; process: ChildProcess; rates: number[] }[] = [];
  try {
    for (const { kind, name } of contenders) {
      const child = fork(fileURLToPath(new URL('./http-server.ts', import.meta.url)), [
        kind,
        JSON.stringify(target),
      ]);
      const [url] = (await Promise.race([
        once(child, 'message'),
        once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`))),
      ])) as [string];
      servers.push({ name, url, process: child, rates: [] });
    }
    for (let round = -1; round < rounds; round++) {
      for (const { name, url, rates } of servers) {
        const { requests, non2xx } = await autocannon({
          url,
          connections: 64,
          duration: round < 0 ? 1 : seconds,
        });
        if (non2xx > 0) throw new Error(`${name}: ${non2xx} requests were refused`);
        if (round >= 0) rates.push(requests.average);
      }
    }
  } finally {
    for (const { process: child } of servers) child.kill();
  }
  return servers.map(({ name, rates }) => ({ name, perSecond: medianOf(rates) }));
}
