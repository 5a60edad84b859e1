import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { unavailable } from './problem.ts';

/** Milliseconds of mean event-loop delay in a second: a queue that grows, not a busy moment. */
const maxEventLoopDelay = 500;
/** Of the memory there is; the rest is for finishing what was begun. */
const mostMemory = 0.9;

/** Refuses work with 503 while the process cannot keep up, instead of answering everybody late. */
export async function shedLoad(app: FastifyInstance): Promise<void> {
  const container = process.constrainedMemory();
  await app.register(underPressure, {
    maxEventLoopDelay,
    maxHeapUsedBytes: mostMemory * getHeapStatistics().heap_size_limit,
    // Without a limit the kernel reports an absurdly large one.
    maxRssBytes: container > 0 && container < 2 ** 50 ? mostMemory * container : 0,
    sampleInterval: 1_000,
    pressureHandler: () => {
      throw unavailable('The service is overloaded', 2);
    },
  });
}
