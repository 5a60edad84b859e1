/**
 * Decides a batch of requests in one atomic call: every request against all of its rules, all or nothing.
 *
 * KEYS: the windows. ARGV[1]: the batch, packed by `encode.ts`, which reads the reply too: Redis' time, then per group of
 * equal requests how many of them were admitted, and per rule: admitted (for a shadow rule on its own), sum after, wait of
 * the first one refused, and how far reset and next are away; times in ms. Nothing is written on a denial, and every
 * write of a new sub-bucket sets the TTL.
 *
 * A window's value is `index(8) windowMs(4) oldest(8) current(4) sum(4)`, then 60 counters of 2 bytes (4 for quotas
 * above 65535). It is read whole, 148 bytes; within one sub-bucket 8 bytes of it are written, and at a new one the
 * counters that leave are replaced, without unpacking the others. What is not of this form (garbage, another type)
 * counts as absent, and is replaced.
 *
 * A sub-bucket's number is kept in 8 bytes: 4 overflow for short windows, and the limiter would silently be off.
 */
export const decideLua = `
local N, HEAD = 60, 28
local pcall_, call, unpack_, pack_ = redis.pcall, redis.call, struct.unpack, struct.pack
local floor, ceil, byte, sub, rep = math.floor, math.ceil, string.byte, string.sub, string.rep
local batch, pos = ARGV[1], 1
local time = call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local clock
clock, pos = unpack_('>d', batch, pos)
if clock > 0 then now = clock end

local quotas, spans, lengths, costs, modes, count = {}, {}, {}, {}, {}, 0
count, pos = unpack_('>I2', batch, pos)
for i = 1, count do
  quotas[i], spans[i], costs[i], modes[i], pos = unpack_('>I4I4I4B', batch, pos)
  lengths[i] = ceil(spans[i] / N)
end

-- One entry per key. value: as stored, its counters rolled. moved: more than the head differs from what is stored.
-- written: the rule for which it has to be written, if it has to be.
local value, width, index, span, oldest, current, sum, moved, written = {}, {}, {}, {}, {}, {}, {}, {}, {}

-- Units of a sub-bucket before the current one.
local function units(k, bucket)
  local w = width[k]
  local p = HEAD + bucket % N * w + 1
  if w == 2 then
    local a, b = byte(value[k], p, p + 1)
    return a * 256 + b
  end
  return (unpack_('>I4', value[k], p))
end

-- An empty window at now, with what counts already taken over as consumed now.
local function start(k, rule, taken)
  width[k], index[k], span[k] = 2, floor(now / lengths[rule]), spans[rule]
  oldest[k], current[k], sum[k], moved[k] = index[k], taken, taken, true
  value[k] = rep('\\0', HEAD + N * 2)
end

local function widen(k)
  local parts = { sub(value[k], 1, HEAD) }
  for slot = 0, N - 1 do parts[slot + 2] = pack_('>I4', units(k, slot)) end
  value[k], width[k], moved[k] = table.concat(parts), 4, true
end

-- Brings a window to the sub-bucket of now; a clock that went backwards leaves it where it is.
local function roll(k, length)
  local at, target = index[k], floor(now / length)
  local steps = target - at
  if steps <= 0 then return end
  local w, v = width[k], value[k]
  if steps > N then
    value[k] = rep('\\0', HEAD + N * w)
    sum[k] = 0
  else
    local left = 0
    for bucket = at, target - 1 do left = left + units(k, bucket) end
    sum[k] = sum[k] - left
    local fill = pack_(w == 2 and '>I2' or '>I4', current[k]) .. rep('\\0', (steps - 1) * w)
    local slot = at % N
    local tail = N - slot
    if steps <= tail then
      value[k] = sub(v, 1, HEAD + slot * w) .. fill .. sub(v, HEAD + (slot + steps) * w + 1)
    else
      value[k] = sub(v, 1, HEAD) .. sub(fill, tail * w + 1) .. sub(v, HEAD + (steps - tail) * w + 1, HEAD + slot * w) .. sub(fill, 1, tail * w)
    end
  end
  index[k], current[k], moved[k] = target, 0, true
  if sum[k] == 0 then
    oldest[k] = target
    return
  end
  local bucket = oldest[k]
  if bucket < target - N then bucket = target - N end
  while bucket < target and units(k, bucket) == 0 do bucket = bucket + 1 end
  oldest[k] = bucket
end

local function load(k, rule)
  local v = pcall_('GET', KEYS[k])
  local size = type(v) == 'string' and #v or 0
  if size ~= HEAD + N * 2 and size ~= HEAD + N * 4 then return start(k, rule, 0) end
  value[k], width[k] = v, (size - HEAD) / N
  index[k], span[k], oldest[k], current[k], sum[k] = unpack_('>dI4dI4I4', v)
  -- Not a number: garbage of the right length.
  if index[k] ~= index[k] or oldest[k] ~= oldest[k] then return start(k, rule, 0) end
  local ahead = index[k] > floor(now / ceil(span[k] / N)) + N
  if span[k] ~= spans[rule] or ahead then
    -- Another window's length after a reload, or more than a window ahead, since the clock was set back. What still counts
    -- is taken over as consumed now, so that neither is a free refill; and it is written, even on a denial, or the wait
    -- would start anew with each request.
    if not ahead then roll(k, ceil(span[k] / N)) end
    start(k, rule, math.min(sum[k], quotas[rule]))
    written[k] = rule
  end
  if width[k] == 2 and (quotas[rule] > 65535 or sum[k] > 65535) then widen(k) end
  roll(k, lengths[rule])
end

-- Milliseconds until no more than target units count: the oldest sub-buckets leave one by one.
local function wait(k, rule)
  local left, bucket, target = sum[k], index[k] - N, quotas[rule] - costs[rule]
  if oldest[k] > bucket then bucket = oldest[k] end
  while bucket < index[k] do
    left = left - units(k, bucket)
    if left <= target then break end
    bucket = bucket + 1
  end
  return (bucket + N + 1) * lengths[rule] - now
end

local function newest(k)
  local bucket = index[k]
  if current[k] > 0 then return bucket end
  bucket = bucket - 1
  while bucket > oldest[k] and units(k, bucket) == 0 do bucket = bucket - 1 end
  return bucket
end

local reply, out = { pack_('>d', now) }, 1
local ks, rs = {}, {}
local groups
groups, pos = unpack_('>I2', batch, pos)
for g = 1, groups do
  local n, size
  n, size, pos = unpack_('>I2B', batch, pos)
  local admitted = n
  for i = 1, size do
    local k, r
    k, r, pos = unpack_('>I2I2', batch, pos)
    if not value[k] then load(k, r) end
    ks[i], rs[i] = k, r
    if modes[r] == 0 and sum[k] + admitted * costs[r] > quotas[r] then
      local fit = floor((quotas[r] - sum[k]) / costs[r])
      admitted = fit > 0 and fit or 0
    end
  end
  out = out + 1
  reply[out] = pack_('>I2', admitted)
  for i = 1, size do
    local k, r, taken = ks[i], rs[i], admitted
    local mode, cost, length = modes[r], costs[r], lengths[r]
    if mode == 3 then
      taken = 0
    elseif mode == 1 and sum[k] + taken * cost > quotas[r] then
      local fit = floor((quotas[r] - sum[k]) / cost)
      taken = fit > 0 and fit or 0
    end
    if taken > 0 then
      current[k] = current[k] + taken * cost
      sum[k] = sum[k] + taken * cost
      written[k] = r
    end
    local total, reset, next_ = sum[k], 0, 0
    if total > 0 then
      reset = (newest(k) + N + 1) * length - now
      next_ = (oldest[k] + N + 1) * length - now
    end
    local refused = mode ~= 2 and taken < n and total + cost > quotas[r]
    out = out + 1
    reply[out] = pack_('>I2I4I4I4I4', taken, total, refused and wait(k, r) or 0, reset, next_)
  end
end

for k, rule in pairs(written) do
  if moved[k] then
    local head = pack_('>dI4dI4I4', index[k], span[k], oldest[k], current[k], sum[k])
    call('SET', KEYS[k], head .. sub(value[k], HEAD + 1), 'PX', (N + 2) * lengths[rule] + 1000)
  else
    call('SETRANGE', KEYS[k], 20, pack_('>I4I4', current[k], sum[k]))
  end
end
return table.concat(reply)`;

/** KEYS: windows. ARGV: per key the number of the sub-bucket and the units to give back. */
export const refundLua = `
local N, HEAD = 60, 28
for i = 1, #KEYS do
  local key, bucket, units = KEYS[i], tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local head = redis.call('GETRANGE', key, 0, HEAD - 1)
  if #head == HEAD then
    local index, window, oldest, current, sum = struct.unpack('>dI4dI4I4', head)
    local width = (redis.call('STRLEN', key) - HEAD) / N
    if bucket == index then
      local back = math.min(units, current)
      redis.call('SETRANGE', key, 20, struct.pack('>I4I4', current - back, sum - back))
    elseif bucket < index and bucket >= index - N then
      local format, at = width == 4 and '>I4' or '>I2', HEAD + bucket % N * width
      local held = struct.unpack(format, redis.call('GETRANGE', key, at, at + width - 1))
      local back = math.min(units, held)
      redis.call('SETRANGE', key, at, struct.pack(format, held - back))
      redis.call('SETRANGE', key, 24, struct.pack('>I4', sum - back))
    end
  end
end
return 1`;
