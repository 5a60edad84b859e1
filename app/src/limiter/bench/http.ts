import autocannon from 'autocannon';
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import type { Redis } from 'ioredis';
import { rateLimit } from '../fastify.ts';
import { createRateLimiter } from '../index.ts';
import { defaultPolicies } from '../policies.ts';

interface PeerOptions {
  readonly max: number;
  readonly timeWindow: string;
  readonly redis: Redis;
}

/** Requests per second of one server, median of rounds in turn. */
export interface HttpResult {
  readonly name: string;
  readonly perSecond: number;
}

const plenty = 1_000_000_000;

/** By a name that the compiler does not see: its types would claim `config.rateLimit` of every route for itself. */
const peer: string = '@fastify/rate-limit';

/** The same empty handler behind no limiter, ours, and @fastify/rate-limit, 64 connections. */
export async function http(redis: Redis, rounds: number, seconds: number): Promise<HttpResult[]> {
  const none = await listen('no limiter', async () => {});
  const ours = await listen('ours, 2 rules', async (app) => {
    const policies = defaultPolicies.map((policy) => ({ ...policy, quota: plenty }));
    await app.register(rateLimit, {
      limiter: createRateLimiter({ redis, policies }),
      subject: ({ ip }) => ({ ip }),
    });
  });
  const { default: fastifyRateLimit } = (await import(peer)) as { default: FastifyPluginAsync<PeerOptions> };
  const theirs = await listen(
    '@fastify/rate-limit, 1 rule',
    async (app) => {
      await app.register(fastifyRateLimit, { max: plenty, timeWindow: '1 minute', redis });
    },
    {},
  );
  const servers = [none, ours, theirs];
  const results = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, url } of servers) {
      const { requests, non2xx } = await autocannon({
        url,
        connections: 64,
        duration: round < 0 ? 1 : seconds,
      });
      if (non2xx > 0) throw new Error(`${name}: ${non2xx} requests were refused`);
      if (round >= 0) results.get(name)?.push(requests.average);
    }
  }
  await Promise.all(servers.map(({ app }) => app.close()));
  return [...results].map(([name, rates]) => ({
    name,
    perSecond: rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0,
  }));
}

async function listen(
  name: string,
  limit: (app: FastifyInstance) => Promise<void>,
  config: object = { access: 'public', rateLimit: 'anonymous' },
) {
  const app = fastify() as unknown as FastifyInstance;
  await limit(app);
  app.get('/', { config }, async () => ({ ok: true }));
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { name, app, url };
}
