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
    from: 'sum[k] + admitted * cost > quota then',
    to: 'sum[k] + (admitted - 1) * cost > quota then',
  },
  {
    name: 'one fewer than the quota (>= for >)',
    file: 'script.ts',
    from: 'local fit = floor((quota - sum[k]) / cost)',
    to: 'local fit = floor((quota - sum[k] - 1) / cost)',
  },
  {
    name: 'one fewer than the quota, in the local limiter',
    file: 'window.ts',
    from: 'state.sum + cost <= quota',
    to: 'state.sum + cost < quota',
  },
  {
    name: 'rounded up where it must be rounded down',
    file: 'script.ts',
    from: 'local fit = floor((quota - sum[k]) / cost)',
    to: 'local fit = math.ceil((quota - sum[k]) / cost)',
  },
  {
    name: 'the oldest sub-bucket left out',
    file: 'window.ts',
    from: 'const slot = bucket % subBuckets;\n      state.sum -= ring[slot] ?? 0;',
    to: 'const slot = (bucket + 1) % subBuckets;\n      state.sum -= ring[slot] ?? 0;\n      ring[slot] = 0;',
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
    from: "call('PEXPIRE', key, (N + QUARTER + 2)",
    to: "call('PEXPIRE', key, N",
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
    file: 'demands.ts',
    from: 'part(account)) + id',
    to: 'account) + id',
  },
  {
    name: 'denials consume',
    file: 'script.ts',
    from: 'if taken > 0 then\n      local consumed',
    to: 'if mode == 0 then taken = n end\n    if taken > 0 then\n      local consumed',
  },
  {
    name: 'only the first rule binds',
    file: 'script.ts',
    from: 'if mode == 0 then\n      if sum[k]',
    to: 'if mode == 0 and i == 1 then\n      if sum[k]',
  },
  {
    name: 'shadow rules bind',
    file: 'script.ts',
    from: 'if mode == 0 then\n      if sum[k]',
    to: 'if mode < 2 then\n      if sum[k]',
  },
  {
    name: 'sub-bucket number in four bytes',
    file: 'script.ts',
    from: 'index[k] or rule[BUCKET], rule[LENGTH]) .. tail',
    to: '(index[k] or rule[BUCKET]) % 4294967296, rule[LENGTH]) .. tail',
  },
  {
    name: 'clock of the client',
    file: 'store.ts',
    from: 'send: (keys, packed) => decide(keys.length, ...keys, packed),',
    to: 'send: (keys, packed) => decide(keys.length, ...keys, packed, Date.now()),',
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
    from: 'Math.min(waitMs, longestLifeMs)',
    to: '60_000',
  },
  {
    name: 'no refund across slots',
    file: 'store.ts',
    from: 'await this.#refund(taken);\n        // The rules',
    to: '// The rules',
  },
  {
    name: 'no deadline',
    file: 'deadlines.ts',
    from: 'this.#timer ??= setTimeout(this.#afterReading, this.#ms);',
    to: '',
  },
  {
    name: 'a busy event loop is taken for a late answer',
    file: 'deadlines.ts',
    from: 'setImmediate(() => this.#expire(now));',
    to: 'this.#expire(now);',
  },
  {
    name: 'cold local limiter',
    file: 'index.ts',
    from: "if (decision.outcome === 'allow') local.record(demand, outcome.now);",
    to: "if (decision.outcome === 'allow') {}",
  },
  {
    name: 'every replica enforces the whole quota',
    file: 'local.ts',
    from: 'Math.floor(quota / this.#replicas)',
    to: 'quota',
  },
  {
    name: 'nothing written back after an outage',
    file: 'index.ts',
    from: 'if (local.owes) void writeBack();',
    to: '',
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
    from: 'if (closed.length > 0) return unavailable(closed, now);',
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
    from: 'this.#inARow >= failuresInARow',
    to: 'false',
  },
  {
    name: 'user ids in key names',
    file: 'keys.ts',
    from: "{this.digest('user', userId)}",
    to: '{userId}',
  },
  {
    name: 'IPv4-mapped addresses are another client',
    file: 'keys.ts',
    from: 'if (mapped)',
    to: 'if (false)',
  },
  {
    name: 'a /128 is a client',
    file: 'keys.ts',
    from: 'words\n    .slice(0, 4)',
    to: 'words\n    .slice(0, 8)',
  },
  {
    name: 'a reload refills',
    file: 'script.ts',
    from: 'start(k, rule, math.min(sum[k], rule[QUOTA]))',
    to: 'start(k, rule, 0)',
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
    name: 'a quota of 0 is valid',
    file: 'validate.ts',
    from: 'isBetween(value, 1, highestQuota)',
    to: 'isBetween(value, 0, highestQuota)',
  },
];
