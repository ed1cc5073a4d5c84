import { assumedLeaseMs } from './presence.ts';
import { RedisScript } from './redis-client.redis.ts';

/*
 * Keys
 *   muster:presence:<4 hex digits>  hash of the agents whose uid ends so: many small hashes, which Redis
 *                                   keeps compact (values of up to 64 bytes, so gateway names of up
 *                                   to 23; 128 fields)
 *     <uid, 16 bytes>               record: epoch, sequence_num, last seen, capabilities, epoch of whoever
 *                                   noted the state last (0: nobody has) as big-endian doubles, then the
 *                                   holder: `h<gateway>`, `f` for let go of (free), `s` for seeded,
 *                                   holder not known
 *     <uid>0, <uid>1                fingerprints, 64 bytes each at most
 *   muster:presence:names           hash: <new uid>< → former uid, until confirmed; <former uid>> → new uid
 *   muster:held                     hash gateway → how many agents it holds
 *   muster:lease:<gateway>          lives as long as the lease; 1, or 0 while the gateway is only assumed to live
 *   muster:returns                  lives until all agents that were turned away should be back
 *   muster:presence:seeded          marker
 *   muster:components:<hash>        what the list of components that agents name so is stored under, or
 *                                   nothing while somebody is asked for it
 */
export const heldKey = 'muster:held';
export const returnsKey = 'muster:returns';
export const seededKey = 'muster:presence:seeded';
const namesKey = 'muster:presence:names';
export const componentsKey = (hash: string) => `muster:components:${hash}`;
export const leaseKey = (gateway: string) => `muster:lease:${gateway}`;

/** Agents are spread over this many hashes, by the last two bytes of the uid: its first may be a time. */
export const buckets = 65_536;

const prelude = `
local function bucket(uid)
  return 'muster:presence:' .. string.format('%02x%02x', string.byte(uid, 15, 16))
end

local function unpackRecord(record)
  local epoch, sequenceNum, lastSeen, capabilities, noted = struct.unpack('>ddddd', record)
  return epoch, sequenceNum, lastSeen, capabilities, noted, string.sub(record, 41)
end

local function packRecord(epoch, sequenceNum, lastSeen, capabilities, noted, holder)
  return struct.pack('>ddddd', epoch, sequenceNum, lastSeen, capabilities, noted) .. holder
end

local change = {}
local function count(holder, by)
  if string.sub(holder, 1, 1) == 'h' then change[holder] = (change[holder] or 0) + by end
end

local function writeCounts()
  for holder, by in pairs(change) do
    local gateway = string.sub(holder, 2)
    if by > 0 then redis.call('SET', '${leaseKey('')}' .. gateway, '0', 'PX', ${assumedLeaseMs}, 'NX') end
    if by ~= 0 and redis.call('HINCRBY', '${heldKey}', gateway, by) <= 0 then
      redis.call('HDEL', '${heldKey}', gateway)
    end
  end
end
`;

/**
 * gateway, uids (16 bytes each), times, numbers that must follow the last one or -1 (doubles) → for each
 * the record and the fingerprints it had, or nil, and its former name, or nil. An agent that another gateway
 * holds: `held` and the record. One that has another name: `renamed` and the name.
 */
export const claimScript = new RedisScript(`${prelude}
local holder, uids, times, numbers = 'h' .. ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local anyNames = redis.call('EXISTS', '${namesKey}') == 1
local answer = {}

local function takeOver(former, uid)
  redis.call('HSET', '${namesKey}', former .. '>', uid)
  local from, to = bucket(former), bucket(uid)
  local known = redis.call('HMGET', from, former, former .. '0', former .. '1')
  if not known[1] or redis.call('HEXISTS', to, uid) == 1 then return end
  redis.call('HDEL', from, former, former .. '0', former .. '1')
  redis.call('HSET', to, uid, known[1])
  if known[2] then redis.call('HSET', to, uid .. '0', known[2], uid .. '1', known[3]) end
end

local function claim(at, uid, now, number)
  local successor = anyNames and redis.call('HGET', '${namesKey}', uid .. '>')
  if successor then
    answer[at], answer[at + 1], answer[at + 2] = 'renamed', successor, false
    return
  end
  local former = anyNames and redis.call('HGET', '${namesKey}', uid .. '<')
  if former then takeOver(former, uid) end
  local key = bucket(uid)
  local known = redis.call('HMGET', key, uid, uid .. '0', uid .. '1')
  local epoch, sequenceNum, lastSeen, capabilities, noted, before = 0, 0, 0, 0, 0, 'f'
  if known[1] then epoch, sequenceNum, lastSeen, capabilities, noted, before = unpackRecord(known[1]) end
  local isHeld = string.sub(before, 1, 1) == 'h' and before ~= holder
  if isHeld and number >= 0 and (noted == 0 or number ~= sequenceNum + 1) then
    answer[at], answer[at + 1], answer[at + 2] = 'held', known[1], false
    return
  end
  redis.call('HSET', key, uid,
    packRecord(math.max(epoch + 1, now), sequenceNum, math.max(lastSeen, now), capabilities, noted, holder))
  count(before, -1)
  count(holder, 1)
  answer[at], answer[at + 1], answer[at + 2] = known[1], known[2] and known[2] .. known[3], former
end

for i = 0, #uids / 16 - 1 do
  local now, number = struct.unpack('>d', times, i * 8 + 1), struct.unpack('>d', numbers, i * 8 + 1)
  claim(i * 3 + 1, string.sub(uids, i * 16 + 1, i * 16 + 16), now, number)
end
writeCounts()
return answer`);

/**
 * gateway, marks, the holder to leave them to or nothing → the places (from 0) of the marks that were current, and of those whose
 * agent another gateway holds although it was heard here later.
 * A mark: uid, epoch, sequence_num (-1: not known), last seen, capabilities (doubles), one byte with the length of the
 * fingerprints plus 1, or 0 for none, fingerprints.
 */
export const markScript = new RedisScript(`${prelude}
local mine, marks, heir = 'h' .. ARGV[1], ARGV[2], ARGV[3]
local letGo = heir ~= ''
local current, movedOn, at, place = {}, {}, 1, 0
while at <= #marks do
  local uid = string.sub(marks, at, at + 15)
  local epoch, sequenceNum, lastSeen, capabilities = struct.unpack('>dddd', marks, at + 16)
  local length = string.byte(marks, at + 48) - 1
  local fingerprints = length >= 0 and string.sub(marks, at + 49, at + 48 + length)
  at = at + 49 + math.max(length, 0)
  local key = bucket(uid)
  local record = redis.call('HGET', key, uid)
  if record then
    local knownEpoch, knownNum, knownSeen, knownCapabilities, noted, before = unpackRecord(record)
    local seeded, after = before == 's', before
    local isCurrent = epoch == knownEpoch or (seeded and epoch > knownEpoch)
    if isCurrent then
      knownEpoch = epoch
      if seeded then after = mine end
      if letGo and (seeded or before == mine) then after = heir end
      if not letGo or seeded or before == mine then current[#current + 1] = place end
    elseif string.sub(before, 1, 1) == 'h' and before ~= mine and lastSeen > knownSeen then
      movedOn[#movedOn + 1] = place
    end
    if epoch >= noted and epoch <= knownEpoch then
      if capabilities ~= 0 then knownCapabilities = capabilities end
      if sequenceNum >= 0 then knownNum, noted = sequenceNum, epoch end
      if fingerprints then
        local first, second = string.sub(fingerprints, 1, 64), string.sub(fingerprints, 65)
        redis.call('HSET', key, uid .. '0', first, uid .. '1', second)
      end
    end
    redis.call('HSET', key, uid,
      packRecord(knownEpoch, knownNum, math.max(lastSeen, knownSeen), knownCapabilities, noted, after))
    count(before, -1)
    count(after, 1)
  end
  place = place + 1
end
writeCounts()
return { current, movedOn }`);

/** gateway, uids: lets go of those it still holds. */
export const letGoScript = new RedisScript(`${prelude}
local mine, uids = 'h' .. ARGV[1], ARGV[2]
for i = 1, #uids, 16 do
  local uid = string.sub(uids, i, i + 15)
  local record = redis.call('HGET', bucket(uid), uid)
  if record and string.sub(record, 41) == mine then
    redis.call('HSET', bucket(uid), uid, string.sub(record, 1, 40) .. 'f')
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
  redis.call('HDEL', '${namesKey}', uid .. '<')
  if record then
    count(string.sub(record, 41), -1)
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
    if record then count(string.sub(record, 41), -1) end
    local epoch = string.sub(seeds, i + 16, i + 23)
    redis.call('HSET', key, uid, epoch .. string.sub(seeds, i + 24, i + 47) .. epoch .. 's')
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
    if #fields[i] == 16 and string.sub(fields[i + 1], 41) == mine then
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

/** milliseconds. */
export const expectScript = new RedisScript(`
if redis.call('PTTL', '${returnsKey}') < tonumber(ARGV[1]) then
  redis.call('SET', '${returnsKey}', '', 'PX', ARGV[1])
end`);

/** former uid, new uid. */
export const renameScript = new RedisScript(`redis.call('HSET', '${namesKey}', ARGV[2] .. '<', ARGV[1])`);

/** new uid. */
export const confirmRenameScript = new RedisScript(`redis.call('HDEL', '${namesKey}', ARGV[1] .. '<')`);

/** hash, milliseconds to ask, milliseconds to know → nil: the caller asks for the list; nothing: somebody does; or the content. */
export const componentsScript = new RedisScript(`
local key = '${componentsKey('')}' .. ARGV[1]
local known = redis.call('GET', key)
if not known then redis.call('SET', key, '', 'PX', ARGV[2]) end
if known and redis.call('PTTL', key) == -1 then redis.call('PEXPIRE', key, ARGV[3]) end
return known`);
