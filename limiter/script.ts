/**
 * Decides a batch of requests in one atomic call: every request against all of its rules, all or nothing.
 *
 * KEYS: the windows, numbered in the order in which the groups first name them. ARGV[1]: the batch, packed by `encode.ts`;
 * ARGV[2], in tests: the time in place of Redis'. `encode.ts` reads the reply too: Redis' time, then per group of equal requests either `\1` and the tail of each window, when all
 * of them were admitted, or `\0`, how many were, and per rule: admitted (for a shadow rule on its own), sum after, wait of
 * the first one refused, and how far reset and next are away; times in ms. Nothing is written on a denial.
 *
 * A window's value is a head, `index(8) length(4)`: the number of the sub-bucket it was last written in, and its ms; a
 * tail, `age(1) current(4) sum(4)`: how many sub-buckets ago the oldest units were consumed, and the units of this one and of
 * all that count; then the body, 60 counters of 2 bytes (4 for quotas above 65535), by number modulo 60. Within one
 * sub-bucket only the tail is written; at a new one the head too, and the counters that take the place of those that leave.
 * What is not of this form (garbage, another type) counts as absent, and is replaced.
 *
 * A key is created with a TTL, and gets a new one at its first write in each quarter of a window, long enough for all units
 * of that quarter.
 *
 * A sub-bucket's number is kept in 8 bytes: 4 overflow for short windows, and the limiter would silently be off.
 *
 * Written for Redis' interpreter: each call into Redis or the string library costs more than all the arithmetic of a
 * decision, and so do tables and closures, made anew with each call; what is rare is made when it is needed.
 */
export const decideLua = `
local N, QUARTER, BODY, NARROW, WIDE = 60, 15, 22, 141, 261
local QUOTA, LENGTH, COST, MODE, BUCKET, SIZE = 1, 2, 3, 4, 5, 6
local keys, batch = KEYS, ARGV[1]
local call, unpack_, pack_ = redis.call, struct.unpack, struct.pack
local byte, floor = string.byte, math.floor

local now = tonumber(ARGV[2])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
end
local high, low, count, rest = byte(batch, 1, 4)
local groups, pos, rules = high * 128 + low, 5, {}
count = count * 128 + rest
for i = 1, count do
  local p = #batch - (count - i + 1) * 16 + 1
  local a, b, c, d, e, f, g, h, j, k, l, m, n, o, q, mode = byte(batch, p, p + 15)
  local quota = (((a * 128 + b) * 128 + c) * 128 + d) * 128 + e
  local length = (((f * 128 + g) * 128 + h) * 128 + j) * 128 + k
  local cost = (((l * 128 + m) * 128 + n) * 128 + o) * 128 + q
  rules[i] = { quota, length, cost, mode, floor(now / length), quota > 65535 and WIDE or NARROW }
end

-- By number of the key, from its first use on. tails: what is to be written. from, fill: of a window that was brought to the
-- sub-bucket of now, where it was, and the counters to write there. index, body: of a window that is not simply continued.
local values = call('MGET', unpack(keys))
local seen, owner, age, current, sum, tails, from, fill = 0, {}, {}, {}, {}, {}, {}, {}
local index, body, load, takeOver, explain

-- Brings a window to a later sub-bucket, no more than a window later.
local function roll(k, value, at, to)
  local width, old, left = #value == NARROW and 2 or 4, age[k] + to - at, sum[k]
  local counter = pack_(width == 2 and '>I2' or '>I4', current[k])
  if old > N then
    for i = at - age[k], to - N - 1 do
      local p = BODY + i % N * width
      local a, b, c, d = byte(value, p, p + width - 1)
      left = left - (c and ((a * 256 + b) * 256 + c) * 256 + d or a * 256 + b)
    end
    if to - at > 1 then counter = counter .. string.rep('\\0', (to - at - 1) * width) end
    -- The next oldest counter that holds units; none does when they are all of the sub-bucket that was current.
    local slot = to % N
    local found = string.find(value, '[^%z]', BODY + slot * width) or string.find(value, '[^%z]', BODY)
    old = found and N - (floor((found - BODY) / width) - slot) % N or 0
    if old < to - at then old = to - at end
  end
  if left <= 0 then left, old = 0, 0 end
  from[k], fill[k], age[k], current[k], sum[k] = at, counter, old, 0, left
end

local function prepareRare()
  index, body = {}, {}

  -- An empty window at now, with what counts already taken over as consumed now.
  local function start(k, rule, taken)
    age[k], current[k], sum[k], from[k], index[k] = 0, taken, taken, nil, nil
    body[k] = string.rep(rule[SIZE] == WIDE and '\\0\\0\\0\\0' or '\\0\\0', N)
  end

  -- Units of all sub-buckets before the current one, by their number modulo 60.
  local function units(k)
    local counters, out = body[k] or string.sub(values[k], BODY), {}
    local width = #counters / N
    for slot = 0, N - 1 do
      local a, b, c, d = byte(counters, slot * width + 1, slot * width + width)
      out[slot] = c and ((a * 256 + b) * 256 + c) * 256 + d or a * 256 + b
    end
    if from[k] then
      for i = 1, #fill[k] / width do out[(from[k] + i - 1) % N] = 0 end
      out[from[k] % N] = unpack_(width == 2 and '>I2' or '>I4', fill[k])
    end
    return out
  end

  -- What still counts is taken over as consumed now, so that a window of another length or time is no free refill; and it
  -- is written even on a denial, or the wait would start anew with each request.
  function takeOver(k, rule)
    start(k, rule, math.min(sum[k], rule[QUOTA]))
    tails[k] = pack_('>BI4I4', 0, current[k], sum[k])
  end

  function load(k, rule)
    local value = values[k]
    local size = value and #value or 0
    if size ~= NARROW and size ~= WIDE then return start(k, rule, 0) end
    local at, length
    at, length, age[k], current[k], sum[k] = unpack_('>dI4BI4I4', value)
    -- Not a number, or not of the form: garbage of the right length.
    if at ~= at or length == 0 or age[k] > N or current[k] > sum[k] then return start(k, rule, 0) end
    local to = floor(now / length)
    if at < to - N then return start(k, rule, 0) end
    local wide = size == NARROW and (rule[SIZE] == WIDE or sum[k] > 65535) and units(k)
    if at < to then
      if wide then wide[at % N] = current[k] end
      roll(k, value, at, to)
    end
    -- Another length after a reload, or more than a window ahead, since the clock was set back.
    if length ~= rule[LENGTH] or at > to + N then return takeOver(k, rule) end
    -- A clock that went backwards leaves a window where it is.
    if at > to then index[k] = at end
    if wide then
      for i = at + 1, to - 1 do wide[i % N] = 0 end
      for slot = 0, N - 1 do wide[slot] = pack_('>I4', wide[slot]) end
      body[k], from[k] = table.concat(wide, '', 0, N - 1), nil
    end
  end

  -- Milliseconds until the rule admits one request more: the oldest sub-buckets leave one by one.
  local function wait(counters, total, at, rule)
    local bucket, most = at - N, rule[QUOTA] - rule[COST]
    while bucket < at do
      total = total - counters[bucket % N]
      if total <= most then break end
      bucket = bucket + 1
    end
    return (bucket + N + 1) * rule[LENGTH] - now
  end

  -- What the reply says of a rule, where not all were simply admitted.
  function explain(k, rule, taken, refused)
    local total, at, length = sum[k], index[k] or rule[BUCKET], rule[LENGTH]
    if total == 0 then return pack_('>I2I4I4I4I4', taken, 0, 0, 0, 0) end
    local counters, newest = units(k), at
    if current[k] == 0 then
      repeat newest = newest - 1 until counters[newest % N] > 0 or newest <= at - age[k]
    end
    return pack_('>I2I4I4I4I4', taken, total, refused and wait(counters, total, at, rule) or 0,
      (newest + N + 1) * length - now, (at - age[k] + N + 1) * length - now)
  end
end

local reply, out = { pack_('>d', now) }, 1
local ks, rs = {}, {}
for g = 1, groups do
  local size
  high, low, size = byte(batch, pos, pos + 2)
  local n = high * 128 + low
  local admitted, plain = n, true
  pos = pos + 3
  for i = 1, size do
    local kh, kl, rh, rl = byte(batch, pos, pos + 3)
    local k, rule = kh * 128 + kl, rules[rh * 128 + rl]
    pos = pos + 4
    if k > seen then
      seen, owner[k] = k, rule
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
      -- Two requests of one batch, one of them from before a reload.
      if not load then prepareRare() end
      owner[k] = rule
      takeOver(k, rule)
    end
    ks[i], rs[i] = k, rule
    local mode, cost, quota = rule[MODE], rule[COST], rule[QUOTA]
    if mode == 0 then
      if sum[k] + admitted * cost > quota then
        local fit = floor((quota - sum[k]) / cost)
        admitted, plain = fit > 0 and fit or 0, false
      end
    elseif mode == 3 or mode == 1 and sum[k] + n * cost > quota then
      plain = false
    end
    if index and index[k] then plain = false end
  end
  if not plain and not load then prepareRare() end
  out = out + 1
  reply[out] = plain and '\\1' or pack_('>BI2', 0, admitted)
  for i = 1, size do
    local k, rule, taken = ks[i], rs[i], admitted
    local mode, cost = rule[MODE], rule[COST]
    if mode == 3 then
      taken = 0
    elseif mode == 1 and not plain and sum[k] + taken * cost > rule[QUOTA] then
      local fit = floor((rule[QUOTA] - sum[k]) / cost)
      taken = fit > 0 and fit or 0
    end
    if taken > 0 then
      local consumed, total = current[k] + taken * cost, sum[k] + taken * cost
      current[k], sum[k], tails[k] = consumed, total, pack_('>BI4I4', age[k], consumed, total)
    end
    out = out + 1
    reply[out] = plain and tails[k] or explain(k, rule, taken, mode ~= 2 and taken < n and sum[k] + cost > rule[QUOTA])
  end
end

for k = 1, seen do
  local tail, at = tails[k], from[k]
  if tail then
    local key, rule = keys[k], owner[k]
    if body and body[k] then
      local value = pack_('>dI4', index[k] or rule[BUCKET], rule[LENGTH]) .. tail .. body[k]
      call('SET', key, value, 'PX', (N + QUARTER + 2) * rule[LENGTH] + 1000)
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
      if floor(at / QUARTER) ~= floor(bucket / QUARTER) then call('PEXPIRE', key, (N + QUARTER + 2) * rule[LENGTH] + 1000) end
    else
      call('SETRANGE', key, '12', tail)
    end
  end
end
return table.concat(reply)`;

/** KEYS: windows. ARGV: per key the number of the sub-bucket and the units to give back. */
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
      local back = math.min(units, current)
      redis.call('SETRANGE', key, 12, struct.pack('>BI4I4', age, current - back, sum - back))
    elseif bucket < index and bucket >= index - N then
      local back = math.min(units, held(bucket))
      local rest = held(bucket) - back
      redis.call('SETRANGE', key, BODY + bucket % N * width, struct.pack(format, rest))
      if rest == 0 and bucket == index - age then
        repeat age = age - 1 until age == 0 or held(index - age) > 0
      end
      redis.call('SETRANGE', key, 12, struct.pack('>BI4I4', age, current, sum - back))
    end
  end
end
return 1`;
