/** A bug that a limiter is known to have, put into ours: some test must turn red. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Text that is there once. */
  readonly from: string;
  readonly to: string;
}

/** The bugs of peers (see the study in docs/rate-limiting.md), and of our own parts. */
export const mutants: readonly Mutant[] = [
  {
    name: 'one more than the quota (<= for <)',
    file: 'script.ts',
    from: 'elseif count * cost > free then\n        fit = max(0, floor(free / cost))',
    to: 'elseif (count - 1) * cost > free then\n        fit = max(0, floor(free / cost))',
  },
  {
    name: 'one fewer than the quota (>= for >)',
    file: 'script.ts',
    from: 'fit = max(0, floor(free / cost))',
    to: 'fit = max(0, floor((free - 1) / cost))',
  },
  {
    name: 'one fewer than the quota, in the local limiter',
    file: 'local.ts',
    from: 'quota - reserve.units - cost);\n  if',
    to: 'quota - reserve.units - cost - 1);\n  if',
  },
  {
    name: 'rounded up where it must be rounded down',
    file: 'script.ts',
    from: 'fit = max(0, floor(free / cost))',
    to: 'fit = max(0, math.ceil(free / cost))',
  },
  {
    name: 'the oldest sub-bucket left out',
    file: 'window.ts',
    from: 'const slot = bucket % subBuckets;\n      window.sum -= ring[slot] ?? 0;',
    to: 'const slot = (bucket + 1) % subBuckets;\n      window.sum -= ring[slot] ?? 0;\n      ring[slot] = 0;',
  },
  {
    name: 'TTL only at the first write',
    file: 'script.ts',
    from: 'if floor(at / QUARTER) ~= floor(bucket / QUARTER) then',
    to: 'if false then',
  },
  {
    name: 'TTL ends with the window of its first unit',
    file: 'script.ts',
    from: 'local ttl = (N + QUARTER + 2)',
    to: 'local ttl = N',
  },
  {
    name: 'what leaves the window is one sub-bucket short',
    file: 'script.ts',
    from: 'to - N - 1 do',
    to: 'to - N - 2 do',
  },
  {
    name: 'a counter written one sub-bucket off',
    file: 'script.ts',
    from: 'BODY - 1 + slot * width, counters)',
    to: 'BODY - 1 + (slot + 1) % N * width, counters)',
  },
  {
    name: 'an account read as part of another subject',
    file: 'rules.ts',
    from: 'sized(account)) + id',
    to: 'account) + id',
  },
  {
    name: 'denials consume',
    file: 'script.ts',
    from: 'if taken > 0 then\n      local consumed',
    to: 'if mode == ENFORCE then taken = count end\n    if taken > 0 then\n      local consumed',
  },
  {
    name: 'only the first rule binds',
    file: 'script.ts',
    from: 'if mode == ENFORCE then\n        if fit',
    to: 'if mode == ENFORCE and i == 1 then\n        if fit',
  },
  {
    name: 'shadow rules bind',
    file: 'script.ts',
    from: 'if mode == ENFORCE then\n        if fit',
    to: 'if mode <= SHADOW then\n        if fit',
  },
  {
    name: 'sub-bucket number in four bytes',
    file: 'script.ts',
    from: 'rule[BUCKET], rule[LENGTH]) .. tail .. body[k]',
    to: 'rule[BUCKET] % 4294967296, rule[LENGTH]) .. tail .. body[k]',
  },
  {
    name: 'clock of the client',
    file: 'store.ts',
    from: '(keys, packed) => decide(keys.length, ...keys, packed),',
    to: '(keys, packed) => decide(keys.length, ...keys, packed, Date.now()),',
  },
  {
    name: 'wait one sub-bucket short',
    file: 'script.ts',
    from: 'return (bucket + N + 1) * rule[LENGTH] - now',
    to: 'return (bucket + N) * rule[LENGTH] - now',
  },
  {
    name: 'denials remembered to the end of the window',
    file: 'deny-cache.ts',
    from: 'Math.min(decision.retryAfterMs, maxLifeMs)',
    to: '60_000',
  },
  {
    name: 'no refund across slots',
    file: 'store.ts',
    from: 'if (!isAdmitted) await this.#refund(taken);',
    to: '',
  },
  {
    name: 'no deadline',
    file: 'deadline.ts',
    from: 'this.#timer ??= setTimeout(this.#afterReading, limit);',
    to: '',
  },
  {
    name: 'a busy event loop is taken for a late answer',
    file: 'deadline.ts',
    from: 'setImmediate(() => this.#expire(now));',
    to: 'this.#expire(now);',
  },
  {
    name: 'cold local limiter',
    file: 'index.ts',
    from: "if (decision.outcome === 'allow') local.record(this.rules, reply.now);",
    to: "if (decision.outcome === 'allow') {}",
  },
  {
    name: 'every replica enforces the whole quota',
    file: 'local.ts',
    from: 'Math.floor(units / this.#replicas)',
    to: 'units',
  },
  {
    name: 'nothing written back after an outage',
    file: 'index.ts',
    from: 'local.isOwing) void writeBack();',
    to: 'false) void writeBack();',
  },
  {
    name: 'an error is a denial',
    file: 'decision.ts',
    from: "outcome: 'unavailable' };",
    to: "outcome: 'deny' };",
  },
  {
    name: 'closed policies pass',
    file: 'index.ts',
    from: 'if (closedRules.length > 0) return unavailable(closedRules, now());',
    to: '',
  },
  {
    name: 'two probes at once',
    file: 'breaker.ts',
    from: "if (this.#state === 'half_open' || this.#now()",
    to: 'if (this.#now()',
  },
  {
    name: 'the circuit never opens',
    file: 'breaker.ts',
    from: 'this.#inARow >= maxFailuresInARow',
    to: 'false',
  },
  {
    name: 'user ids in key names',
    file: 'rules.ts',
    from: "{this.#digest('user', userId)}",
    to: '{userId}',
  },
  {
    name: 'IPv4-mapped addresses are another client',
    file: 'network.ts',
    from: 'if (e === 0 && f === 0xffff) return last;',
    to: '',
  },
  {
    name: 'a /128 is a client',
    file: 'network.ts',
    from: 'words.slice(0, 4)',
    to: 'words.slice(0, 8)',
  },
  {
    name: 'a reload refills',
    file: 'script.ts',
    from: 'restart(k, rule, total)',
    to: 'restart(k, rule, 0)\n    moved = {}',
  },
  {
    name: 'reset forgets nothing',
    file: 'store.ts',
    from: 'if (keys.length > 0) await this.#redis.del(...keys);',
    to: '',
  },
  {
    name: 'Retry-After rounded down',
    file: 'headers.ts',
    from: 'Math.ceil(retryAfterMs / 1_000)',
    to: 'Math.floor(retryAfterMs / 1_000)',
  },
  {
    name: 'the reserve is for everybody',
    file: 'script.ts',
    from: 'floor((free - rule[RESERVE]) / cost))',
    to: 'floor(free / cost))',
  },
  {
    name: 'a clock that went back keeps windows in the future',
    file: 'window.ts',
    from: 'if (steps === 0) return;',
    to: 'if (steps <= 0) return;',
  },
  {
    name: 'an idle process stays degraded',
    file: 'lane.ts',
    from: "if (state === 'open') this.#probeLater();",
    to: '',
  },
  {
    name: 'the deadline does not adapt',
    file: 'deadline.ts',
    from: 'roundTrips * this.#roundTrip',
    to: '0',
  },
];
