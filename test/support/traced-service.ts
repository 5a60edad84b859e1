import { trace } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, beforeAll } from 'vitest';
import { type Backing, startBacking, type TestService, type TestUser } from './service.ts';

/** Replicas of one test file whose every request is traced. */
export interface Traced {
  /** Of the whole file; there from the first test on. */
  readonly backing: Backing;
  /** Starts a replica; it ends with the test. */
  start(overrides?: Record<string, string>, spansTo?: SpanExporter): Promise<TestService>;
  /** The first caseworker. */
  caseworker(): TestUser;
  /** Waits until every span that ended was exported. */
  flush(): Promise<void>;
}

/** Sets a test file up for tracing, which is the process's: one traced replica at a time. */
export function tracedReplicas(): Traced {
  let backing: Backing;
  const running: TestService[] = [];
  beforeAll(async () => {
    backing = await startBacking();
    return () => backing.stop();
  });
  afterEach(async () => {
    for (const replica of running.splice(0)) await replica.stop();
  });
  return {
    get backing() {
      return backing;
    },
    async start(overrides = {}, spansTo) {
      const replica = await backing.start(
        { POLICIES_FILE: `${backing.dir}/policies.json`, OTEL_TRACES_SAMPLER_ARG: '1', ...overrides },
        spansTo ? { spansTo } : {},
      );
      running.push(replica);
      return replica;
    },
    caseworker: () => backing.user('caseworker'),
    async flush() {
      const provider = trace.getTracerProvider() as { getDelegate?(): { forceFlush?(): Promise<void> } };
      await provider.getDelegate?.().forceFlush?.();
    },
  };
}
