import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import type { Redis } from 'ioredis';
import { defaultPolicies } from '../../contract/policies.ts';
import { rateLimit } from '../fastify.ts';
import { createRateLimiter } from '../index.ts';
import { connect, type Target } from './connect.ts';

// One server of the HTTP benchmark, in a process of its own: a kind and, as JSON, where Redis is. Tells its parent the URL.

interface PeerOptions {
  readonly max: number;
  readonly timeWindow: string;
  readonly redis: Redis;
}

/** By a name that the compiler does not see: its types would claim `config.rateLimit` of every route for itself. */
const peer: string = '@fastify/rate-limit';
const plenty = 1_000_000_000;

const [kind = '', target = ''] = process.argv.slice(2);
const app = fastify() as unknown as FastifyInstance;
const redis = await connect(JSON.parse(target) as Target);
if (kind === 'ours') {
  const policies = defaultPolicies.map((policy) => ({ ...policy, quota: plenty }));
  await app.register(rateLimit, {
    limiter: createRateLimiter({ redis, policies }),
    subject: ({ ip }) => ({ ip }),
  });
}
if (kind === 'theirs') {
  const { default: fastifyRateLimit } = (await import(peer)) as { default: FastifyPluginAsync<PeerOptions> };
  await app.register(fastifyRateLimit, { max: plenty, timeWindow: '1 minute', redis });
}
const config = kind === 'ours' ? { rateLimit: { policies: ['address', 'anonymous'] } } : {};
app.get('/', { config: config as object }, async () => ({ ok: true }));
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
process.once('disconnect', () => process.exit());
