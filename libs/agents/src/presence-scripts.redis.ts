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
 *     <uid>2                        whose it is: `t` or `c` and 16 bytes (token, certificate), and the address it
 *                                   spoke from last; 63 bytes at most
 *   muster:presence:names           hash: <new uid>< → former uid, until confirmed; <former uid>> → new uid
 *   muster:held                     hash gateway → how many agents it holds
 *   muster:lease:<gateway>          lives as long as the lease; 1, or 0 while the gateway is only assumed to live
 *   muster:returns                  lives until all agents that were turned away should be back
 *   muster:presence:seeded          marker
 *   muster:presence:owners          marker: seeded with owners, which older releases do not know of
 *   muster:components:<hash>        what the list of components that agents name so is stored under, or
 *                                   nothing while somebody is asked for it
 */
export const heldKey = 'muster:held';
export const returnsKey = 'muster:returns';
export const seededKey = 'muster:presence:seeded';
export const ownersKey = 'muster:presence:owners';
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

/** Bits of the flags of a claim. */
export const claimFlag = { claimant: 1, mayTakeOver: 2, isNamed: 4, isKnown: 8, from: 16 } as const;

/**
 * gateway, claims → for each the record and the fingerprints it had, or nil, its former name, or nil, and whose it was
 * until now if it was another's, or nil. An agent that another gateway holds: `held` and the record. One that has
 * another name: `renamed` and the name. One that belongs to another: `foreign` and whose it is. One that nobody knows
 * before the store is seeded: `unseeded`.
 * A claim: uid, time (a double), one byte of flags (`claimFlag`); the claimant after one byte with its length, if any; the
 * holder to take it from after one byte with its length, if any.
 */
export const claimScript = new RedisScript(`${prelude}
local holder, claims = 'h' .. ARGV[1], ARGV[2]
local anyNames = redis.call('EXISTS', '${namesKey}') == 1
local isSeeded = redis.call('EXISTS', '${seededKey}') == 1
local unknownCertificate = 'c' .. string.rep('\\0', 16)
local answer, at, place = {}, 1, 1

local function takeOver(former, uid)
  redis.call('HSET', '${namesKey}', former .. '>', uid)
  local from, to = bucket(former), bucket(uid)
  local known = redis.call('HMGET', from, former, former .. '0', former .. '1', former .. '2')
  if not known[1] or redis.call('HEXISTS', to, uid) == 1 then return end
  redis.call('HDEL', from, former, former .. '0', former .. '1', former .. '2')
  redis.call('HSET', to, uid, known[1])
  if known[2] then redis.call('HSET', to, uid .. '0', known[2], uid .. '1', known[3]) end
  if known[4] then redis.call('HSET', to, uid .. '2', known[4]) end
end

local function answers(first, second, third, fourth)
  answer[place], answer[place + 1], answer[place + 2], answer[place + 3] = first, second, third, fourth
end

local function isForeign(keeper, claimant, flags)
  if not keeper or not claimant or string.sub(keeper, 1, 17) == string.sub(claimant, 1, 17) then return false end
  if bit.band(flags, ${claimFlag.isNamed}) ~= 0 then return false end
  if string.sub(keeper, 1, 17) == unknownCertificate then return string.sub(claimant, 1, 1) ~= 'c' end
  return bit.band(flags, ${claimFlag.mayTakeOver}) == 0 or string.sub(keeper, 1, 1) ~= 't'
end

local function claim(uid, now, flags, claimant, from)
  local successor = anyNames and redis.call('HGET', '${namesKey}', uid .. '>')
  if successor then
    local keeper = redis.call('HGET', bucket(successor), successor .. '2')
    if isForeign(keeper, claimant, flags) then return answers('foreign', keeper, false, false) end
    return answers('renamed', successor, false, false)
  end
  local former = anyNames and redis.call('HGET', '${namesKey}', uid .. '<')
  local key = bucket(uid)
  local known = redis.call('HMGET', key, uid, uid .. '0', uid .. '1', uid .. '2')
  local keeper = known[4] or (former and redis.call('HGET', bucket(former), former .. '2'))
  if isForeign(keeper, claimant, flags) then return answers('foreign', keeper, false, false) end
  if former then
    takeOver(former, uid)
    known = redis.call('HMGET', key, uid, uid .. '0', uid .. '1', uid .. '2')
  end
  if claimant and not known[1] and not isSeeded and bit.band(flags, ${claimFlag.isKnown}) == 0 then
    return answers('unseeded', false, false, false)
  end
  local epoch, sequenceNum, lastSeen, capabilities, noted, before = 0, 0, 0, 0, 0, 'f'
  if known[1] then epoch, sequenceNum, lastSeen, capabilities, noted, before = unpackRecord(known[1]) end
  local isHeld = string.sub(before, 1, 1) == 'h' and before ~= holder
  if isHeld and from and before ~= 'h' .. from then return answers('held', known[1], false, false) end
  local record =
    packRecord(math.max(epoch + 1, now), sequenceNum, math.max(lastSeen, now), capabilities, noted, holder)
  if claimant and claimant ~= known[4] then
    redis.call('HSET', key, uid, record, uid .. '2', claimant)
  else
    redis.call('HSET', key, uid, record)
  end
  count(before, -1)
  count(holder, 1)
  local isTaken = claimant and keeper and string.sub(keeper, 1, 17) ~= string.sub(claimant, 1, 17)
  answers(known[1], known[2] and known[2] .. known[3], former, isTaken and keeper)
end

local function lengthPrefixed(flags, flag)
  if bit.band(flags, flag) == 0 then return false end
  local length = string.byte(claims, at)
  at = at + 1 + length
  return string.sub(claims, at - length, at - 1)
end

while at <= #claims do
  local uid, now, flags = string.sub(claims, at, at + 15), struct.unpack('>d', claims, at + 16), string.byte(claims, at + 24)
  at = at + 25
  local claimant = lengthPrefixed(flags, ${claimFlag.claimant})
  claim(uid, now, flags, claimant, lengthPrefixed(flags, ${claimFlag.from}))
  place = place + 4
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
    redis.call('HDEL', key, uid, uid .. '0', uid .. '1', uid .. '2')
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

/**
 * Records: uid, epoch, sequence_num, last seen, capabilities (doubles), then one byte with the length of whose it is,
 * and that; 0: not known.
 */
export const seedScript = new RedisScript(`${prelude}
local seeds, at = ARGV[1], 1
while at <= #seeds do
  local uid = string.sub(seeds, at, at + 15)
  local length = string.byte(seeds, at + 48)
  local key = bucket(uid)
  local record = redis.call('HGET', key, uid)
  if not record or struct.unpack('>d', record) < struct.unpack('>d', seeds, at + 16) then
    if record then count(string.sub(record, 41), -1) end
    local epoch = string.sub(seeds, at + 16, at + 23)
    redis.call('HSET', key, uid, epoch .. string.sub(seeds, at + 24, at + 47) .. epoch .. 's')
    redis.call('HDEL', key, uid .. '0', uid .. '1')
  end
  if length > 0 then redis.call('HSETNX', key, uid .. '2', string.sub(seeds, at + 49, at + 48 + length)) end
  at = at + 49 + length
end
writeCounts()`);

/** former and new uids, one pair after the other: of those that were told their new names, and are known by them. */
export const seedRenamesScript = new RedisScript(`
local renames = ARGV[1]
for i = 1, #renames, 32 do
  redis.call('HSET', '${namesKey}', string.sub(renames, i, i + 15) .. '>', string.sub(renames, i + 16, i + 31))
end`);

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
