import { RedisScript } from './redis-client.redis.ts';

/*
 * Keys
 *   muster:presence:<4 hex digits>  hash of the agents whose uid ends so: many small hashes, which Redis
 *                                   keeps compact (values of up to 64 bytes, so gateway names of up
 *                                   to 31; 128 fields)
 *     <uid, 16 bytes>               record: epoch, sequence_num, last seen, capabilities as big-endian
 *                                   doubles, then the holder: `h<gateway>`, `f` for let go of (free), `s`
 *                                   for seeded, holder not known
 *     <uid>0, <uid>1                fingerprints, 64 bytes each at most
 *   muster:held                     hash gateway → how many agents it holds
 *   muster:lease:<gateway>          lives as long as the lease
 *   muster:presence:seeded          marker
 */
export const heldKey = 'muster:held';
export const seededKey = 'muster:presence:seeded';
export const leaseKey = (gateway: string) => `muster:lease:${gateway}`;

/** Agents are spread over this many hashes, by the last two bytes of the uid: its first may be a time. */
export const buckets = 65_536;

const prelude = `
local function bucket(uid)
  return 'muster:presence:' .. string.format('%02x%02x', string.byte(uid, 15, 16))
end

local function unpackRecord(record)
  local epoch, sequenceNum, lastSeen, capabilities = struct.unpack('>dddd', record)
  return epoch, sequenceNum, lastSeen, capabilities, string.sub(record, 33)
end

local function packRecord(epoch, sequenceNum, lastSeen, capabilities, holder)
  return struct.pack('>dddd', epoch, sequenceNum, lastSeen, capabilities) .. holder
end

local change = {}
local function count(holder, by)
  if string.sub(holder, 1, 1) == 'h' then change[holder] = (change[holder] or 0) + by end
end

local function writeCounts()
  for holder, by in pairs(change) do
    local gateway = string.sub(holder, 2)
    if by ~= 0 and redis.call('HINCRBY', '${heldKey}', gateway, by) <= 0 then
      redis.call('HDEL', '${heldKey}', gateway)
    end
  end
end
`;

/** gateway, uids (16 bytes each), times (doubles) → for each the record and the fingerprints it had, or nil. */
export const claimScript = new RedisScript(`${prelude}
local holder, uids, times = 'h' .. ARGV[1], ARGV[2], ARGV[3]
local previous = {}
for i = 0, #uids / 16 - 1 do
  local uid = string.sub(uids, i * 16 + 1, i * 16 + 16)
  local now = struct.unpack('>d', times, i * 8 + 1)
  local key = bucket(uid)
  local known = redis.call('HMGET', key, uid, uid .. '0', uid .. '1')
  local epoch, sequenceNum, lastSeen, capabilities, before = 0, 0, 0, 0, 'f'
  if known[1] then epoch, sequenceNum, lastSeen, capabilities, before = unpackRecord(known[1]) end
  local record = packRecord(math.max(epoch + 1, now), sequenceNum, math.max(lastSeen, now), capabilities, holder)
  redis.call('HSET', key, uid, record)
  count(before, -1)
  count(holder, 1)
  previous[i * 2 + 1] = known[1]
  previous[i * 2 + 2] = known[2] and known[2] .. known[3]
end
writeCounts()
return previous`);

/**
 * gateway, marks, whether to let go → the places (from 0) of the marks that were current.
 * A mark: uid, epoch, sequence_num (-1: not known), last seen, capabilities (doubles), one byte with the length of the
 * fingerprints plus 1, or 0 for none, fingerprints.
 */
export const markScript = new RedisScript(`${prelude}
local mine, marks, letGo = 'h' .. ARGV[1], ARGV[2], ARGV[3] == '1'
local current, at, place = {}, 1, 0
while at <= #marks do
  local uid = string.sub(marks, at, at + 15)
  local epoch, sequenceNum, lastSeen, capabilities = struct.unpack('>dddd', marks, at + 16)
  local length = string.byte(marks, at + 48) - 1
  local fingerprints = length >= 0 and string.sub(marks, at + 49, at + 48 + length)
  at = at + 49 + math.max(length, 0)
  local key = bucket(uid)
  local record = redis.call('HGET', key, uid)
  if record then
    local knownEpoch, knownNum, knownSeen, knownCapabilities, before = unpackRecord(record)
    local seeded = before == 's'
    local isCurrent = epoch == knownEpoch or (seeded and epoch > knownEpoch)
    if isCurrent and (not letGo or seeded or before == mine) then
      local after = letGo and 'f' or (seeded and mine or before)
      if capabilities == 0 then capabilities = knownCapabilities end
      if sequenceNum < 0 then sequenceNum = knownNum end
      local changed = packRecord(epoch, sequenceNum, math.max(lastSeen, knownSeen), capabilities, after)
      if fingerprints then
        local first, second = string.sub(fingerprints, 1, 64), string.sub(fingerprints, 65)
        redis.call('HSET', key, uid, changed, uid .. '0', first, uid .. '1', second)
      else
        redis.call('HSET', key, uid, changed)
      end
      count(before, -1)
      count(after, 1)
      current[#current + 1] = place
    end
  end
  place = place + 1
end
writeCounts()
return current`);

/** gateway, uids: lets go of those it still holds. */
export const letGoScript = new RedisScript(`${prelude}
local mine, uids = 'h' .. ARGV[1], ARGV[2]
for i = 1, #uids, 16 do
  local uid = string.sub(uids, i, i + 15)
  local record = redis.call('HGET', bucket(uid), uid)
  if record and string.sub(record, 33) == mine then
    redis.call('HSET', bucket(uid), uid, string.sub(record, 1, 32) .. 'f')
    count(mine, -1)
  end
end
writeCounts()`);

/** uids. */
export const forgetScript = new RedisScript(`${prelude}
local uids = ARGV[1]
for i = 1, #uids, 16 do
  local uid = string.sub(uids, i, i + 15)
  local key = bucket(uid)
  local record = redis.call('HGET', key, uid)
  if record then
    count(string.sub(record, 33), -1)
    redis.call('HDEL', key, uid, uid .. '0', uid .. '1')
  end
end
writeCounts()`);

/** uids → the record of each, or nil. */
export const readScript = new RedisScript(`${prelude}
local uids, records = ARGV[1], {}
for i = 1, #uids, 16 do
  local uid = string.sub(uids, i, i + 15)
  records[#records + 1] = redis.call('HGET', bucket(uid), uid)
end
return records`);

/** Records: uid, epoch, sequence_num, last seen, capabilities (doubles). */
export const seedScript = new RedisScript(`${prelude}
local seeds = ARGV[1]
for i = 1, #seeds, 48 do
  local uid = string.sub(seeds, i, i + 15)
  local key = bucket(uid)
  local record = redis.call('HGET', key, uid)
  if not record or struct.unpack('>d', record) < struct.unpack('>d', seeds, i + 16) then
    if record then count(string.sub(record, 33), -1) end
    redis.call('HSET', key, uid, string.sub(seeds, i + 16, i + 47) .. 's')
    redis.call('HDEL', key, uid .. '0', uid .. '1')
  end
end
writeCounts()`);

/** gateway, first and last bucket → uid and epoch (a double) of each agent it holds there, one after the other. */
export const heldScript = new RedisScript(`
local mine, found = 'h' .. ARGV[1], {}
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local fields = redis.call('HGETALL', string.format('muster:presence:%04x', number))
  for i = 1, #fields, 2 do
    if #fields[i] == 16 and string.sub(fields[i + 1], 33) == mine then
      found[#found + 1] = fields[i] .. string.sub(fields[i + 1], 1, 8)
    end
  end
end
return table.concat(found)`);

/** → gateways that hold agents without a lease. */
export const expiredScript = new RedisScript(`
local expired = {}
for _, gateway in ipairs(redis.call('HKEYS', '${heldKey}')) do
  if redis.call('EXISTS', 'muster:lease:' .. gateway) == 0 then expired[#expired + 1] = gateway end
end
return expired`);
