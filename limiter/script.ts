/**
 * Decides a batch of requests in one atomic call: every request against all of its rules, all or nothing.
 *
 * KEYS: the windows, numbered in the order in which the groups first name them. ARGV[1]: the batch, packed by `batch.ts`.
 * ARGV[2]: only in tests, the time in place of Redis' clock. The reply, read by `batch.ts`: the time, then per group of
 * equal requests either `\1` and the tail of each window, when all of them were admitted, or `\0`, the number admitted, and
 * per rule: admitted (of its own for a shadow rule), sum afterwards, wait of the first one refused, and the time to reset
 * and to the next free unit. Milliseconds. A denial writes nothing.
 *
 * The value of a window:
 *   head   index(8) length(4)         number of the sub-bucket of the last write, and its length in ms
 *   tail   age(1) current(4) sum(4)   sub-buckets since the oldest units, units of this sub-bucket, units that count
 *   body   60 counters                of 2 bytes, or 4 for quotas above 65535, by sub-bucket number modulo 60
 * Within one sub-bucket only the tail is written. At a new one, also the head and the counters that are replaced. A value of
 * any other form (garbage, another type) counts as absent and is replaced. The index has 8 bytes, because 4 overflow for
 * short windows.
 *
 * A key is created with a TTL and gets a new one at its first write in each quarter of a window, long enough for all units of
 * that quarter.
 *
 * In Redis' interpreter a call of Redis or of the string library costs more than all arithmetic of a decision, and so do
 * new tables and closures. So the rare paths are functions that are made when one is needed.
 */
export const decideLua = `
local keys, batch = KEYS, ARGV[1]
local call, unpack_, pack_ = redis.call, struct.unpack, struct.pack
local byte, floor, max, min = string.byte, math.floor, math.max, math.min

-- Sub-buckets of a window and of a quarter of it. First byte of a value's body. Lengths of a narrow and a wide value.
local N, QUARTER, BODY, NARROW, WIDE = 60, 15, 22, 141, 261
-- Modes of a rule.
local ENFORCE, SHADOW, FORCE, PEEK = 0, 1, 2, 3
-- Fields of a rule. BUCKET is the number of the current sub-bucket, SIZE the length of a value that can hold the quota.
local QUOTA, LENGTH, COST, MODE, BUCKET, SIZE, RESERVE, SHARE = 1, 2, 3, 4, 5, 6, 7, 8

-- 1. The time.
local now = tonumber(ARGV[2])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
end

-- 2. The rules, from the end of the batch.
local high, low, ruleCount, rest = byte(batch, 1, 4)
local groupCount, position, rules = high * 128 + low, 5, {}
ruleCount = ruleCount * 128 + rest
for i = 1, ruleCount do
  local p = #batch - (ruleCount - i + 1) * 26 + 1
  local a1, a2, a3, a4, a5, b1, b2, b3, b4, b5, c1, c2, c3, c4, c5, mode, d1, d2, d3, d4, d5, e1, e2, e3, e4, e5 =
    byte(batch, p, p + 25)
  local quota = (((a1 * 128 + a2) * 128 + a3) * 128 + a4) * 128 + a5
  local length = (((b1 * 128 + b2) * 128 + b3) * 128 + b4) * 128 + b5
  local cost = (((c1 * 128 + c2) * 128 + c3) * 128 + c4) * 128 + c5
  local reserve = (((d1 * 128 + d2) * 128 + d3) * 128 + d4) * 128 + d5
  local share = (((e1 * 128 + e2) * 128 + e3) * 128 + e4) * 128 + e5
  rules[i] = { quota, length, cost, mode, floor(now / length), quota > 65535 and WIDE or NARROW, reserve, share }
end

-- 3. The windows. All tables are by number of the key, filled when a key is first used.
-- owner: the rule that read it. age, current, sum: as in the tail. tails: the tail to write.
-- from, fill: of a window that moves on to the current sub-bucket, the sub-bucket it was in, and the counters to write there.
-- body: of a window that is written anew, its counters.
local values = call('MGET', unpack(keys))
local used, owner, age, current, sum, tails, from, fill = 0, {}, {}, {}, {}, {}, {}, {}
local body, load, restart, explain

-- Moves a window on to a later sub-bucket, no more than a window later.
local function roll(k, value, at, to)
  local width, oldest, left = #value == NARROW and 2 or 4, age[k] + to - at, sum[k]
  local counters = pack_(width == 2 and '>I2' or '>I4', current[k])
  if oldest > N then
    -- Subtract the counters that leave the window.
    for i = at - age[k], to - N - 1 do
      local p = BODY + i % N * width
      local a, b, c, d = byte(value, p, p + width - 1)
      left = left - (c and ((a * 256 + b) * 256 + c) * 256 + d or a * 256 + b)
    end
    if to - at > 1 then counters = counters .. string.rep('\\0', (to - at - 1) * width) end
    -- Find the next oldest counter with units. There is none when all units are of the sub-bucket that was current.
    local slot = to % N
    local found = string.find(value, '[^%z]', BODY + slot * width) or string.find(value, '[^%z]', BODY)
    oldest = found and N - (floor((found - BODY) / width) - slot) % N or 0
    if oldest < to - at then oldest = to - at end
  end
  if left <= 0 then left, oldest = 0, 0 end
  from[k], fill[k], age[k], current[k], sum[k] = at, counters, oldest, 0, left
end

local function prepareRare()
  body = {}

  -- Starts a window anew, with units that count as consumed now.
  function restart(k, rule, units)
    age[k], current[k], sum[k], from[k] = 0, units, units, nil
    body[k] = string.rep((rule[SIZE] == WIDE or units > 65535) and '\\0\\0\\0\\0' or '\\0\\0', N)
  end

  -- Reads the counters of all sub-buckets before the current one, by number modulo 60.
  local function countersOf(k)
    local text, out = body[k] or string.sub(values[k], BODY), {}
    local width = #text / N
    for slot = 0, N - 1 do
      local a, b, c, d = byte(text, slot * width + 1, slot * width + width)
      out[slot] = c and ((a * 256 + b) * 256 + c) * 256 + d or a * 256 + b
    end
    if from[k] then
      for i = 1, #fill[k] / width do out[(from[k] + i - 1) % N] = 0 end
      out[from[k] % N] = unpack_(width == 2 and '>I2' or '>I4', fill[k])
    end
    return out
  end

  -- Reads a window that is absent, damaged, too narrow, of another length, or written when the clock was ahead.
  function load(k, rule)
    local value = values[k]
    local size = value and #value or 0
    if size ~= NARROW and size ~= WIDE then return restart(k, rule, 0) end
    local at, length
    at, length, age[k], current[k], sum[k] = unpack_('>dI4BI4I4', value)
    -- Damaged: not a number, or contradictory.
    if at ~= at or length == 0 or age[k] > N or current[k] > sum[k] then return restart(k, rule, 0) end
    local to = floor(now / length)
    if at < to - N then return restart(k, rule, 0) end
    if at > to then
      -- The clock went back: all units count as consumed now. It is written even on a denial, so that the wait does not
      -- start anew with each request.
      restart(k, rule, sum[k])
      tails[k] = pack_('>BI4I4', 0, current[k], sum[k])
      return
    end
    -- Sort the units into sub-buckets of the rule's length. Units of a longer one count from its end, never earlier.
    local counters, moved, total, oldest = countersOf(k), {}, 0, rule[BUCKET]
    for bucket = max(at - age[k], to - N), at do
      local units = bucket == at and current[k] or counters[bucket % N]
      local target = length == rule[LENGTH] and bucket or floor(min((bucket + 1) * length - 1, now) / rule[LENGTH])
      if units > 0 and target >= rule[BUCKET] - N then
        moved[target] = (moved[target] or 0) + units
        total = total + units
        if target < oldest then oldest = target end
      end
    end
    restart(k, rule, total)
    local width, format = #body[k] / N, #body[k] == N * 2 and '>I2' or '>I4'
    local slots = {}
    for bucket = rule[BUCKET] - N, rule[BUCKET] - 1 do slots[bucket % N] = pack_(format, moved[bucket] or 0) end
    body[k] = table.concat(slots, '', 0, N - 1)
    age[k], current[k] = rule[BUCKET] - oldest, moved[rule[BUCKET]] or 0
  end

  -- Returns the milliseconds until at most so many units of a window count: the oldest sub-buckets leave one by one.
  local function waitUntil(k, rule, most)
    local total, bucket = sum[k], rule[BUCKET] - N
    if total <= most then return 0 end
    local counters = countersOf(k)
    while bucket < rule[BUCKET] do
      total = total - counters[bucket % N]
      if total <= most then break end
      bucket = bucket + 1
    end
    return (bucket + N + 1) * rule[LENGTH] - now
  end

  -- Returns the milliseconds until a rule admits one more request.
  local function waitFor(k, rule, sourceKey, source)
    local wait = waitUntil(k, rule, rule[QUOTA] - rule[RESERVE] - rule[COST])
    if source and rule[RESERVE] > 0 and rule[SHARE] >= source[COST] then
      local light = waitUntil(sourceKey, source, rule[SHARE] - source[COST])
      wait = min(wait, max(light, waitUntil(k, rule, rule[QUOTA] - rule[COST])))
    end
    return wait
  end

  -- Describes a rule of a group of which not all were admitted.
  function explain(k, rule, taken, refused, sourceKey, source)
    local total, at, length = sum[k], rule[BUCKET], rule[LENGTH]
    local wait = refused and waitFor(k, rule, sourceKey, source) or 0
    if total == 0 then return pack_('>I2I4I4I4I4', taken, 0, wait, 0, 0) end
    local newest = at
    if current[k] == 0 then
      local counters = countersOf(k)
      repeat newest = newest - 1 until counters[newest % N] > 0 or newest <= at - age[k]
    end
    return pack_('>I2I4I4I4I4', taken, total, wait, (newest + N + 1) * length - now, (at - age[k] + N + 1) * length - now)
  end
end

-- 4. The groups, one after the other. ks, rs, fits: key, rule and number of requests that fit, by place in the group.
local reply, out = { pack_('>d', now) }, 1
local ks, rs, fits = {}, {}, {}
for g = 1, groupCount do
  local size
  high, low, size = byte(batch, position, position + 2)
  local count = high * 128 + low
  local admitted, plain = count, true
  position = position + 3

  -- 4a. How many of the group fit into each window.
  for i = 1, size do
    local kh, kl, rh, rl = byte(batch, position, position + 3)
    local k, rule = kh * 128 + kl, rules[rh * 128 + rl]
    position = position + 4
    if k > used then
      used, owner[k] = k, rule
      local value, bucket = values[k], rule[BUCKET]
      local at, length
      if value and (#value == rule[SIZE] or #value == WIDE) then
        at, length, age[k], current[k], sum[k] = unpack_('>dI4BI4I4', value)
      end
      if at ~= bucket or length ~= rule[LENGTH] then
        if at and length == rule[LENGTH] and at < bucket and at >= bucket - N and (sum[k] <= 65535 or #value == WIDE) then
          roll(k, value, at, bucket)
        else
          if not load then prepareRare() end
          load(k, rule)
        end
      end
    elseif owner[k][LENGTH] ~= rule[LENGTH] then
      -- Two requests of one batch, one of them from before a reload of the policies.
      if not load then prepareRare() end
      owner[k] = rule
      restart(k, rule, sum[k])
      tails[k] = pack_('>BI4I4', 0, current[k], sum[k])
    end
    ks[i], rs[i] = k, rule
    local mode, cost, free = rule[MODE], rule[COST], rule[QUOTA] - sum[k]
    if mode <= SHADOW then
      local fit = count
      if rule[RESERVE] > 0 then
        -- Without the reserve; or with it, as long as the source stays light.
        local light, source = 0, rs[i - 1]
        if source then light = min(floor(free / cost), floor((rule[SHARE] - sum[ks[i - 1]]) / source[COST])) end
        fit = max(0, light, floor((free - rule[RESERVE]) / cost))
      elseif count * cost > free then
        fit = max(0, floor(free / cost))
      end
      fits[i] = fit
      if mode == ENFORCE then
        if fit < admitted then admitted, plain = fit, false end
      elseif fit < count then
        plain = false
      end
    elseif mode == PEEK then
      plain = false
    end
  end

  -- 4b. Consume what all rules admit, and describe the outcome.
  if not plain and not load then prepareRare() end
  out = out + 1
  reply[out] = plain and '\\1' or pack_('>BI2', 0, admitted)
  for i = 1, size do
    local k, rule, taken = ks[i], rs[i], admitted
    local mode, cost = rule[MODE], rule[COST]
    if mode == PEEK then
      taken = 0
    elseif mode == SHADOW and fits[i] < taken then
      taken = fits[i]
    end
    if taken > 0 then
      local consumed, total = current[k] + taken * cost, sum[k] + taken * cost
      current[k], sum[k], tails[k] = consumed, total, pack_('>BI4I4', age[k], consumed, total)
    end
    out = out + 1
    if plain then
      reply[out] = tails[k]
    else
      local refused = mode ~= FORCE and taken < count and sum[k] + cost > rule[QUOTA] - rule[RESERVE]
      local sourceKey, source = ks[i - 1], rs[i - 1]
      if refused and rule[RESERVE] > 0 and i > 1 and sum[k] + cost <= rule[QUOTA] then
        refused = sum[sourceKey] + source[COST] > rule[SHARE]
      end
      reply[out] = explain(k, rule, taken, refused, i > 1 and sourceKey, i > 1 and source)
    end
  end
end

-- 5. Write the windows that changed.
for k = 1, used do
  local tail, at = tails[k], from[k]
  if tail then
    local key, rule = keys[k], owner[k]
    local ttl = (N + QUARTER + 2) * rule[LENGTH] + 1000
    if body and body[k] then
      call('SET', key, pack_('>dI4', rule[BUCKET], rule[LENGTH]) .. tail .. body[k], 'PX', ttl)
    elseif at then
      local width, counters = #values[k] == NARROW and 2 or 4, fill[k]
      local slot, bucket = at % N, rule[BUCKET]
      local before = (N - slot) * width
      call('SETRANGE', key, '0', pack_('>dI4', bucket, rule[LENGTH]) .. tail)
      if #counters > before then
        call('SETRANGE', key, BODY - 1, string.sub(counters, before + 1))
        counters = string.sub(counters, 1, before)
      end
      call('SETRANGE', key, BODY - 1 + slot * width, counters)
      if floor(at / QUARTER) ~= floor(bucket / QUARTER) then call('PEXPIRE', key, ttl) end
    else
      call('SETRANGE', key, '12', tail)
    end
  end
end
return table.concat(reply)`;

/** Gives units back. KEYS: windows. ARGV: per key the number of the sub-bucket they were consumed in, and the units. */
export const refundLua = `
local N, BODY = 60, 21
for i = 1, #KEYS do
  local key, bucket, units = KEYS[i], tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local value = redis.call('GETRANGE', key, 0, -1)
  if #value > BODY then
    local index, length, age, current, sum = struct.unpack('>dI4BI4I4', value)
    local width = (#value - BODY) / N
    local format = width == 4 and '>I4' or '>I2'
    local function held(at) return (struct.unpack(format, value, BODY + at % N * width + 1)) end
    if bucket == index then
      -- Still the current sub-bucket: its units are in the tail.
      local back = math.min(units, current)
      redis.call('SETRANGE', key, 12, struct.pack('>BI4I4', age, current - back, sum - back))
    elseif bucket < index and bucket >= index - N then
      local back = math.min(units, held(bucket))
      local rest = held(bucket) - back
      redis.call('SETRANGE', key, BODY + bucket % N * width, struct.pack(format, rest))
      -- When the oldest counter becomes empty, the next one with units is the oldest.
      if rest == 0 and bucket == index - age then
        repeat age = age - 1 until age == 0 or held(index - age) > 0
      end
      redis.call('SETRANGE', key, 12, struct.pack('>BI4I4', age, current, sum - back))
    end
  end
end
return 1`;
