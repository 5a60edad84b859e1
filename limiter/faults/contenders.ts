import fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { defaultPolicies } from '../../contract/policies.ts';
import { rateLimit } from '../fastify.ts';
import { createRateLimiter } from '../index.ts';

/** What each user may do in a minute; the whole run of a fault is shorter than that. */
export const quota = 100;
/** Processes that share the quotas are played by as many servers, each with a connection of its own. */
export const replicas = 2;

/** A limiter behind an HTTP server, set up as its documentation advises for a Redis that may fail. */
export interface Contender {
  readonly name: string;
  /** What its keys in Redis begin with. */
  readonly prefix: string;
  /** One replica. */
  serve(redis: Redis): Promise<FastifyInstance>;
}

interface PeerOptions {
  readonly max: number;
  readonly timeWindow: string;
  readonly redis: Redis;
  readonly keyGenerator: (request: FastifyRequest) => string;
}

/** By a name that the compiler does not see: its types would claim `config.rateLimit` of every route for itself. */
const fastifyRateLimit: string = '@fastify/rate-limit';

export const contenders: readonly Contender[] = [
  {
    name: 'ours',
    prefix: 'rl:v1:',
    serve: async (redis) =>
      server(async (app) => {
        const policies = defaultPolicies.map((policy) =>
          policy.name === 'default' ? { ...policy, quota } : { ...policy, quota: 1_000_000 },
        );
        await app.register(rateLimit, {
          limiter: createRateLimiter({ redis, policies, replicas }),
          subject: (request) => ({ ip: request.ip, userId: userOf(request) }),
        });
      }),
  },
  {
    name: 'rate-limiter-flexible',
    prefix: 'rlflx:',
    serve: async (redis) =>
      server(async (app) => {
        const limiter = new RateLimiterRedis({
          storeClient: redis,
          points: quota,
          duration: 60,
          rejectIfRedisNotReady: true,
          insuranceLimiter: new RateLimiterMemory({ points: quota / replicas, duration: 60 }),
        });
        app.addHook('onRequest', async (request, reply) => {
          try {
            await limiter.consume(userOf(request));
          } catch (refusal) {
            if (refusal instanceof Error) throw refusal;
            return reply.code(429).send();
          }
        });
      }),
  },
  {
    name: '@fastify/rate-limit',
    prefix: 'fastify-rate-limit-',
    serve: async (redis) => {
      const { default: plugin } = (await import(fastifyRateLimit)) as {
        default: FastifyPluginAsync<PeerOptions>;
      };
      return server(async (app) => {
        await app.register(plugin, { max: quota, timeWindow: '1 minute', redis, keyGenerator: userOf });
      }, {});
    },
  },
];

const userOf = (request: FastifyRequest): string => String(request.headers['x-user']);

async function server(
  limit: (app: FastifyInstance) => Promise<void>,
  config: object = { rateLimit: { policies: ['default', 'global'] } },
): Promise<FastifyInstance> {
  const app = fastify() as unknown as FastifyInstance;
  app.setErrorHandler((error: { status?: number; statusCode?: number }, _, reply) =>
    reply.code(error.status ?? error.statusCode ?? 500).send(),
  );
  await limit(app);
  app.get('/', { config }, async () => ({ ok: true }));
  await app.ready();
  return app;
}
