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
    from: 'sum[k] + admitted * costs[r] > quotas[r]',
    to: 'sum[k] + (admitted - 1) * costs[r] > quotas[r]',
  },
  {
    name: 'one fewer than the quota (>= for >)',
    file: 'script.ts',
    from: 'local fit = floor((quotas[r] - sum[k]) / costs[r])',
    to: 'local fit = floor((quotas[r] - sum[k] - 1) / costs[r])',
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
    from: 'local fit = floor((quotas[r] - sum[k]) / costs[r])',
    to: 'local fit = ceil((quotas[r] - sum[k]) / costs[r])',
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
    from: "head .. sub(value[k], HEAD + 1), 'PX', (N + 2) * lengths[rule] + 1000)",
    to: "head .. sub(value[k], HEAD + 1), 'KEEPTTL')",
  },
  {
    name: 'denials consume',
    file: 'script.ts',
    from: 'if taken > 0 then',
    to: 'if mode == 0 then taken = n end\n    if taken > 0 then',
  },
  {
    name: 'only the first rule binds',
    file: 'script.ts',
    from: 'if modes[r] == 0 and sum[k]',
    to: 'if i == 1 and modes[r] == 0 and sum[k]',
  },
  {
    name: 'shadow rules bind',
    file: 'script.ts',
    from: 'if modes[r] == 0 and sum[k]',
    to: 'if modes[r] < 2 and sum[k]',
  },
  {
    name: 'sub-bucket number in four bytes',
    file: 'script.ts',
    from: "pack_('>dI4dI4I4', index[k], span[k]",
    to: "pack_('>dI4dI4I4', index[k] % 4294967296, span[k]",
  },
  { name: 'clock of the client', file: 'encode.ts', from: 'clock = 0)', to: 'clock = Date.now())' },
  {
    name: 'wait one sub-bucket short',
    file: 'script.ts',
    from: 'return (bucket + N + 1) * lengths[rule] - now',
    to: 'return (bucket + N) * lengths[rule] - now',
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
    from: 'this.#timer ??= setTimeout(() => this.#check(), this.#ms);',
    to: '',
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
    from: 'start(k, rule, math.min(sum[k], quotas[rule]))',
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
