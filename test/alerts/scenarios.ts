import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertStack } from './stack.ts';

/** A way to break the stack, and what must be told of it. */
export interface Scenario {
  readonly name: string;
  readonly does: string;
  /** Alerts that must arrive, each with the seconds within which; the rule's `for` and the detection are in them. */
  readonly arrives: Readonly<Record<string, number>>;
  /** Alerts that must not arrive meanwhile: a cause silences them. */
  readonly inhibited: readonly string[];
  /** Alerts that end once it is repaired; waited for, so that the next scenario must raise its own. */
  readonly ends: readonly string[];
  breaks(stack: AlertStack): Promise<() => Promise<void>>;
}

/** Seconds for scrape, recording (every 30 s) and grouping, beside an alert's own waiting time. */
const slack = 45;
const nothing = async () => {};

/** All scenarios, in the order in which they can follow each other on one stack. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'watchdog',
    does: 'nothing is broken; the heartbeat must come, to its receiver alone',
    // What fires before Prometheus knows Alertmanager is sent again after a minute.
    arrives: { Watchdog: 60 + slack },
    ends: [],
    inhibited: [],
    breaks: async () => nothing,
  },
  {
    name: 'certificate',
    does: 'a replica serves a certificate that ends tomorrow',
    arrives: { CertificateExpiresNow: 60 + slack },
    ends: [],
    inhibited: ['CertificateExpiresSoon'],
    breaks: async () => nothing,
  },
  {
    name: 'latency',
    does: 'Redis stands still for 400 of every 500 ms, so that requests take too long',
    arrives: { ApiLatencyBudgetBurn: 120 + 3 * slack },
    ends: ['LimiterDegraded', 'LimiterBreakerOpen'],
    inhibited: [],
    async breaks({ backing, load }) {
      const stopLoad = await load(20);
      let on = true;
      const done = (async () => {
        while (on) {
          backing.redis.signal('SIGSTOP');
          await sleep(400);
          backing.redis.signal('SIGCONT');
          await sleep(100);
        }
      })();
      return async () => {
        on = false;
        await done;
        await stopLoad();
      };
    },
  },
  {
    name: 'redis',
    does: 'Redis is killed',
    arrives: { RedisDown: 60 + slack },
    ends: ['RedisDown', 'LimiterDegraded', 'LimiterBreakerOpen', 'RedisRefusesClients'],
    inhibited: ['LimiterDegraded', 'LimiterBreakerOpen', 'RedisRefusesClients'],
    async breaks({ backing, restore }) {
      backing.redis.signal('SIGKILL');
      return restore;
    },
  },
  {
    name: 'limiter',
    does: 'Redis no longer accepts the password of the limiter',
    arrives: { LimiterDegraded: 60 + slack, RedisRefusesClients: 120 + slack },
    ends: ['LimiterDegraded', 'LimiterBreakerOpen', 'RedisRefusesClients'],
    inhibited: ['LimiterBreakerOpen'],
    async breaks({ refuse, restore }) {
      await refuse('case-limiter');
      return restore;
    },
  },
  {
    name: 'service',
    does: 'both replicas are stopped',
    arrives: { ServiceDown: 60 + slack },
    ends: [],
    inhibited: ['ReplicaDown'],
    async breaks({ replicas }) {
      await Promise.all(replicas.map((replica) => replica.stop()));
      return nothing;
    },
  },
];
