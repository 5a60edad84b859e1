/**
 * Writes one case, its index entry, the owner's use and the record of the operation, all or nothing.
 * KEYS: case, index, use; operations and the operation's record where it is to be idempotent; the lock where it is held.
 * ARGV: kind, expected version or '', expected life or '*', index member, seconds to remember the operation, the lock's
 * token, seconds to hold it, maximum of cases, of bytes and of operations, operation id, then field and value pairs, the
 * sealed text last. 500 bytes stand for the key, the index entry, the owner's record and the other fields.
 */
export const writeLua = `
local kind, expected, life = ARGV[1], ARGV[2], ARGV[3]
if KEYS[6] then
  if redis.call('GET', KEYS[6]) ~= ARGV[6] then return {'superseded', 0} end
  redis.call('EXPIRE', KEYS[6], ARGV[7])
end
if KEYS[5] then
  local applied = redis.call('GET', KEYS[5])
  if applied then return {'duplicate', tonumber(applied)} end
end
local stored = redis.call('HMGET', KEYS[1], 'version', 'life', 'member', 'sealed')
local version = tonumber(stored[1] or 0)
if kind == 'create' then
  if version > 0 then return {'conflict', version} end
elseif version == 0 then return {'missing', 0}
elseif (expected ~= '' and tonumber(expected) ~= version) or (life ~= '*' and life ~= (stored[2] or '')) then
  return {'conflict', version}
end
local use = redis.call('GET', KEYS[3])
local used = tonumber(use or 0)
if not use then
  -- Cases of an earlier release were not counted.
  for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local id = string.sub(member, string.find(member, '.', 1, true) + 1)
    used = used + redis.call('HSTRLEN', string.sub(KEYS[2], 1, -2) .. ':' .. id, 'sealed') + 500
  end
end
local change = (kind == 'delete' and 0 or #ARGV[#ARGV] + 500) - (version > 0 and #(stored[4] or '') + 500 or 0)
if kind == 'create' then
  local count = redis.call('ZCARD', KEYS[2])
  if count >= tonumber(ARGV[8]) then return {'cases', count} end
end
if change > 0 and used + change > tonumber(ARGV[9]) then return {'bytes', used} end
version = version + 1
if kind == 'delete' then
  redis.call('ZREM', KEYS[2], stored[3] or '')
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, 12))
  if kind == 'create' then redis.call('ZADD', KEYS[2], 0, ARGV[4]) end
end
redis.call('SET', KEYS[3], math.max(0, used + change))
if KEYS[5] then
  local now = tonumber(redis.call('TIME')[1])
  redis.call('SET', KEYS[5], version, 'EX', ARGV[5])
  redis.call('ZADD', KEYS[4], now, ARGV[11])
  redis.call('EXPIRE', KEYS[4], ARGV[5])
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[5])
  local excess = redis.call('ZCARD', KEYS[4]) - ARGV[10]
  for _, id in ipairs(excess > 0 and redis.call('ZRANGE', KEYS[4], 0, excess - 1) or {}) do
    redis.call('ZREM', KEYS[4], id)
    redis.call('DEL', string.sub(KEYS[4], 1, -2) .. ':' .. id)
  end
end
return {'applied', version}`;
