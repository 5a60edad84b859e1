/**
 * Decides a batch of requests in one atomic call: every request against all of its rules, all or nothing.
 *
 * KEYS: the windows. ARGV[1]: the batch, packed by `encode.ts`. Reply: Redis' time in ms, then per group of equal
 * requests how many of them were admitted, and per rule: admitted (for a shadow rule on its own), sum after, wait of the
 * first one refused, reset, next; times in ms. Nothing is written on a denial, and every write of a new sub-bucket sets
 * the TTL.
 *
 * A window's value is `index(8) windowMs(4) oldest(8) current(4) sum(4)`, then 60 counters of 2 bytes (4 for quotas
 * above 65535). Within one sub-bucket only the 28 bytes in front are read, and 8 of them written. What is not of this
 * form (garbage, another type) counts as absent, and is replaced.
 *
 * A sub-bucket's number is kept in 8 bytes: 4 overflow for short windows, and the limiter would silently be off.
 */
export const decideLua = `
local N, HEAD = 60, 28
local call, unpack_, pack_, floor = redis.call, struct.unpack, struct.pack, math.floor
local batch, pos = ARGV[1], 1
local time = call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local clock
clock, pos = unpack_('>d', batch, pos)
if clock > 0 then now = clock end

local rules, count = {}, 0
count, pos = unpack_('>I2', batch, pos)
for i = 1, count do
  local quota, window, cost, mode, p = unpack_('>I4I4I4B', batch, pos)
  rules[i] = { quota = quota, window = window, length = math.ceil(window / N), cost = cost, mode = mode }
  pos = p
end

local windows, dirty = {}, {}

local function slot(w, bucket) return bucket % N + 1 end

-- Reads the sixty counters of a window once they are needed.
local function ring(w)
  if w.ring then return w.ring end
  local r = {}
  local value = w.width and call('GETRANGE', w.key, HEAD, -1) or ''
  local format = w.width == 4 and '>I4' or '>I2'
  local p = 1
  for i = 1, N do
    if w.width then r[i], p = unpack_(format, value, p) else r[i] = 0 end
  end
  w.ring = r
  return r
end

local function read(key)
  local got = redis.pcall('GETRANGE', key, 0, HEAD - 1)
  if type(got) ~= 'string' then return { key = key, foreign = true } end
  if #got ~= HEAD then return { key = key } end
  local size = call('STRLEN', key)
  local width = (size - HEAD) / N
  if width ~= 2 and width ~= 4 then return { key = key } end
  local index, window, oldest, current, sum = unpack_('>dI4dI4I4', got)
  return { key = key, width = width, index = index, window = window, oldest = oldest, current = current, sum = sum, stored = index }
end

-- Brings a window to the sub-bucket of now; a clock that went backwards leaves it where it is.
local function roll(w, length)
  local index = floor(now / length)
  if index <= w.index then return end
  local r = ring(w)
  if index - w.index > N then
    for i = 1, N do r[i] = 0 end
    w.sum = 0
  else
    for bucket = w.index, index - 1 do
      local s = slot(w, bucket)
      w.sum = w.sum - r[s]
      r[s] = bucket == w.index and w.current or 0
    end
  end
  w.index, w.current, w.oldest = index, 0, index
  if w.sum == 0 then return end
  local bucket = index - N
  while bucket < index and r[slot(w, bucket)] == 0 do bucket = bucket + 1 end
  w.oldest = bucket
end

local function window(i, rule)
  local w = windows[i]
  if not w then
    w = read(KEYS[i])
    windows[i] = w
  end
  if not w.index then
    w.index, w.window, w.oldest, w.current, w.sum = floor(now / rule.length), rule.window, 0, 0, 0
    w.oldest = w.index
  elseif w.window ~= rule.window then
    -- Another window's length: what still counts is taken over as consumed now, so that no reload is a free refill.
    roll(w, math.ceil(w.window / N))
    local sum = w.sum
    w.ring, w.width, w.stored = nil, nil, nil
    w.index, w.window, w.current, w.sum = floor(now / rule.length), rule.window, sum, sum
    w.oldest = w.index
  elseif w.index > floor(now / rule.length) + N then
    -- More than a window ahead: the clock was set back, or this is garbage. Taken over as consumed now and written, even
    -- on a denial, or the user would wait for the old time to come again.
    local sum = math.min(w.sum, rule.quota)
    w.ring, w.width, w.stored = nil, nil, nil
    w.index, w.current, w.sum = floor(now / rule.length), sum, sum
    w.oldest = w.index
    dirty[w] = rule
  end
  roll(w, rule.length)
  return w
end

local function wait(w, rule)
  local r, left, bucket = ring(w), w.sum, w.index - N
  local target = rule.quota - rule.cost
  while bucket < w.index do
    left = left - r[slot(w, bucket)]
    if left <= target then break end
    bucket = bucket + 1
  end
  return (bucket + N + 1) * rule.length - now
end

local function newest(w)
  if w.current > 0 then return w.index end
  local r, bucket = ring(w), w.index - 1
  while bucket > w.oldest and r[slot(w, bucket)] == 0 do bucket = bucket - 1 end
  return bucket
end

local reply, out = { now }, 1
local groups
groups, pos = unpack_('>I2', batch, pos)
for g = 1, groups do
  local n, size
  n, size, pos = unpack_('>I2B', batch, pos)
  local admitted, ws, rs = n, {}, {}
  for i = 1, size do
    local k, r
    k, r, pos = unpack_('>I2I2', batch, pos)
    local rule = rules[r]
    local w = window(k, rule)
    ws[i], rs[i] = w, rule
    if rule.mode == 0 then
      local fit = floor((rule.quota - w.sum) / rule.cost)
      if fit < admitted then admitted = fit > 0 and fit or 0 end
    end
  end
  out = out + 1
  reply[out] = admitted
  for i = 1, size do
    local w, rule, taken = ws[i], rs[i], admitted
    if rule.mode == 3 then taken = 0 end
    if rule.mode == 1 then
      local fit = floor((rule.quota - w.sum) / rule.cost)
      if fit < taken then taken = fit > 0 and fit or 0 end
    end
    if taken > 0 then
      w.current = w.current + taken * rule.cost
      w.sum = w.sum + taken * rule.cost
      dirty[w] = rule
    end
    local refused = rule.mode ~= 2 and taken < n and w.sum + rule.cost > rule.quota
    reply[out + 1] = taken
    reply[out + 2] = w.sum
    reply[out + 3] = refused and wait(w, rule) or 0
    reply[out + 4] = w.sum == 0 and now or (newest(w) + N + 1) * rule.length
    reply[out + 5] = w.sum == 0 and now or (w.oldest + N + 1) * rule.length
    out = out + 5
  end
end

for w, rule in pairs(dirty) do
  local wide = math.max(rule.quota, w.sum) > 65535 and 4 or 2
  if w.width and w.stored == w.index and w.width >= wide then
    call('SETRANGE', w.key, 20, pack_('>I4I4', w.current, w.sum))
  else
    local r = ring(w)
    local width = math.max(wide, w.width or 2)
    local format = width == 4 and '>I4' or '>I2'
    local parts = { pack_('>dI4dI4I4', w.index, w.window, w.oldest, w.current, w.sum) }
    for i = 1, N do parts[i + 1] = pack_(format, r[i]) end
    call('SET', w.key, table.concat(parts), 'PX', (N + 2) * rule.length + 1000)
  end
end
return reply`;

/** KEYS: windows. ARGV: per key the sub-bucket's length in ms, the number of the sub-bucket and the units to give back. */
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
