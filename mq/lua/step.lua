-- step settles what a worker has handled, looks after leases and delays, and claims more: one round trip.
-- ARGV: 1 worker, 2 token of this claim, 3 how many to claim, 4 lease in ms, 5 what the worker believes the time to be
-- (0: look after nothing), 6 most crashes, 7 flags (1 pass a wake on, 2 not idle any more, 4 may be registered as idle),
-- 8 most bytes, 9 most dead letters, then for each settled message: op, id, token, argument.
-- Ops: A ack, B ack with an entry in "a" (argument: window in ms, or empty), C the same with a result (argument: window,
-- a space, result); R retry, S snooze (argument: delay in
-- ms); L release at the front; D dead letter, F the same without counting an attempt (argument: reason).
-- The reply: now, ms until something is due or may be claimed (-1: nothing is, -2: there may be more to claim), state (0, 1 paused, 2 out of memory), results (a
-- letter each: 1 settled, 0 not the lease any more, - no such message, o out of memory: not settled), crashed
-- messages that were made ready, and for each claimed message: id, record, entry in "a" or empty.
local worker, token, want = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease, believed, maxCrashes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local flags, cap, mostDead = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local lkey, tkey, mkey, akey, dkey = base .. 'l', base .. 't', base .. 'm', base .. 'a', base .. 'd'
local counts, results, made = {}, {}, 0
local leaving = {} -- the groups of members that are done

local function count(name, n) counts[name] = (counts[name] or 0) + n end

-- settle1 settles one message but for its lease, and returns its result. What is written comes first: if there is no
-- memory for that, nothing has happened.
local function settle1(op, id, arg, hasNext, stuck)
	if stuck and call('HEXISTS', base .. 's', id) == 1 then return 'o' end
	if op == 'C' then
		local window, result = string.match(arg, '^(%d*) (.*)$')
		op, arg = 'B', window
		local _, _, _, of = attempts(call('HGET', akey, id))
		if not tell(id, of, 'A' .. result) then return 'o' end
	end
	if op == 'A' or op == 'B' then
		count('done', 1)
		if arg ~= '' and conf[3] then
			pcall_('SET', base .. 'u:' .. conf[3] .. ':' .. id, '', 'PX', arg)
		end
		if op == 'B' then
			local _, _, _, member = attempts(call('HGET', akey, id))
			if member ~= '' then leaving[#leaving + 1] = member end
			made = made + part(id, member)
		end
		if hasNext and succeed(id) then made = made + 1; return '1' end
		if op == 'B' then call('HDEL', akey, id) end
		return 'a'
	end
	local f, c, band, member = attempts(call('HGET', akey, id))
	local key = keyOf(member)
	if op == 'L' then
		if key then
			made = made + enter(key, id, true)
		elseif failed(pcall_('LPUSH', base .. 'r' .. band, id)) then
			return 'o'
		else
			made = made + 1
		end
		count('released', 1)
		return '1'
	end
	if op == 'D' or op == 'F' then
		local rec = call('HGET', mkey, id)
		if not roomy() then return 'o' end
		if op == 'D' then f = f + 1 end
		made = made + bury(id, rec or '', f .. ':' .. c .. ':' .. band, member, arg, mostDead)
		made = made + part(id, member)
		count('dead', 1)
		if hasNext and succeed(id) then made = made + 1; return '1' end
		call('HDEL', mkey, id)
		call('HDEL', akey, id)
		return '1'
	end
	local delay, r = tonumber(arg), nil
	if delay > 0 then
		r = pcall_('ZADD', dkey, now + delay, id)
		if key and not inOrder and not failed(r) then made = made + part(id, member) end
	elseif key then
		made = made + enter(key, id)
	else
		r = pcall_('RPUSH', base .. 'r' .. band, id)
		made = made + 1
	end
	if failed(r) then return 'o' end
	if op == 'R' then
		call('HSET', akey, id, (f + 1) .. ':' .. c .. ':' .. band .. member)
		count('retried', 1)
	else
		count('snoozed', 1)
	end
	return '1'
end

local n = (#ARGV - 9) / 4
if n > 0 then
	local ids, ended, acked = {}, {}, {}
	for i = 1, n do ids[i] = ARGV[i * 4 + 7] end
	local tokens = call('HMGET', tkey, unpack(ids))
	local hasNext = call('EXISTS', base .. 's') == 1
	local stuck = hasNext and not roomy()
	for i = 1, n do
		local id = ids[i]
		if tokens[i] == ARGV[i * 4 + 8] then
			local r = settle1(ARGV[i * 4 + 6], id, ARGV[i * 4 + 9], hasNext, stuck)
			if r == 'a' then
				acked[#acked + 1] = id
				r = '1'
			end
			if r == '1' then ended[#ended + 1] = id end
			results[i] = r
		elseif call('HEXISTS', mkey, id) == 1 then
			results[i] = '0'
		else
			results[i] = '-'
		end
	end
	if #acked > 0 then call('HDEL', mkey, unpack(acked)) end
	if #ended > 0 then
		call('ZREM', lkey, unpack(ended))
		call('HDEL', tkey, unpack(ended))
	end
	-- Last, for a script that has written is not refused for want of memory any more.
	for _, member in ipairs(leaving) do made = made + leave(member) end
end

-- crashed makes messages whose lease has ended ready again, at the front.
local function crashed(late)
	for i = #late, 1, -1 do
		local id = late[i]
		local f, c, band, member = attempts(call('HGET', akey, id))
		local rec = call('HGET', mkey, id)
		if not rec then
			made = made + part(id, member) -- its record is gone: so is the message
		elseif c + 1 > maxCrashes then
			made = made + bury(id, rec, f .. ':' .. (c + 1) .. ':' .. band, member, 'the lease ended ' .. (c + 1) .. ' times', mostDead)
			made = made + part(id, member)
			if succeed(id) then
				made = made + 1
			else
				call('HDEL', mkey, id)
				call('HDEL', akey, id)
			end
			count('dead', 1)
		else
			call('HSET', akey, id, f .. ':' .. (c + 1) .. ':' .. band .. member)
			local key = keyOf(member)
			if key then
				made = made + enter(key, id, true)
			else
				call('LPUSH', base .. 'r' .. band, id)
				made = made + 1
			end
		end
		call('ZREM', lkey, id)
		call('HDEL', tkey, id)
	end
	count('crashed', #late)
end

local function promote(ids)
	local bands = call('HMGET', akey, unpack(ids))
	for i, id in ipairs(ids) do
		local _, _, band, member = attempts(bands[i])
		made = made + ready(id, band, member)
	end
	call('ZREM', dkey, unpack(ids))
end

local state, reaped = 0, 0
local sane = believed > 0 and math.abs(now - believed) < 1000
if sane then
	local late = call('ZRANGEBYSCORE', lkey, '-inf', now, 'LIMIT', 0, 100)
	local due = call('ZRANGEBYSCORE', dkey, '-inf', now, 'LIMIT', 0, 500)
	if #late > 0 or #due > 0 then
		if not roomy() then
			state = 2
		else
			reaped = #late
			if #late > 0 then crashed(late) end
			if #due > 0 then promote(due) end
		end
	end
end

if keyEvery > 0 then
	for _, key in ipairs(call('ZRANGEBYSCORE', base .. 'ot', '-inf', now, 'LIMIT', 0, 500)) do
		call('ZREM', base .. 'ot', key)
		made = made + admit(key)
	end
end

local out, bytes, full = { now, -2, state, '', reaped }, 0, false
local dry = false -- the rate of the queue does not let this worker have what it wants
if every > 0 and want > 0 and not paused then
	local till, ahead = spent(call('HGET', base .. 'c', 'b'), every, burst)
	if ahead then pcall_('HSET', base .. 'c', 'b', string.format('%.3f', till)) end
	local room = math.floor((clock + every * burst - till) / every + 1e-6)
	dry = room < want
	want = math.min(want, room)
end
local granted = want
local hasA = want > 0 and not paused and call('EXISTS', akey) == 1

-- pass counts what is claimed against the rate of its key, and lets the next one in.
local function pass(key)
	local till = spent(call('GET', base .. 'b:' .. key), keyEvery, keyBurst)
	spend(key, till + keyEvery)
	call('ZREM', base .. 'ot', key)
	made = made + admit(key)
end

-- take claims from one band, at most 64 at once, so that the records of one round fit into memory.
local function take(rkey)
	local ids = call('LRANGE', rkey, 0, math.min(want, 64) - 1)
	if #ids == 0 then return false end
	local recs = call('HMGET', mkey, unpack(ids))
	local atts = hasA and call('HMGET', akey, unpack(ids)) or nil
	local z, h, taken, more = {}, {}, 0, {}
	for i, id in ipairs(ids) do
		local rec = recs[i]
		if rec then
			if bytes > 0 and bytes + #rec > cap then
				full = true
				break
			end
			bytes = bytes + #rec
			z[#z + 1] = now + lease
			z[#z + 1] = id
			h[#h + 1] = id
			h[#h + 1] = token
			more[#more + 1] = id
			more[#more + 1] = rec
			more[#more + 1] = atts and atts[i] or ''
		end
		taken = taken + 1
	end
	if #z > 0 then
		if failed(pcall_('ZADD', lkey, unpack(z))) then
			out[3], full = 2, true
			return false
		end
		call('HSET', tkey, unpack(h))
	end
	call('LTRIM', rkey, taken, -1)
	want = want - #z / 2
	if keyEvery > 0 then
		for i = 3, #more, 3 do
			local key = keyOf(more[i])
			if key then pass(key) end
		end
	end
	for _, v in ipairs(more) do out[#out + 1] = v end
	return true
end

if paused then
	out[3] = 1
elseif want > 0 then
	local before
	repeat -- what a claim has let in may be of a higher band
		before = made
		for band = 0, 2 do
			while want > 0 and not full and take(base .. 'r' .. band) do end
		end
	until made == before or want == 0 or full
end

if every > 0 and granted > want then
	local till = spent(call('HGET', base .. 'c', 'b'), every, burst) + every * (granted - want)
	call('HSET', base .. 'c', 'b', string.format('%.3f', till))
end
dry = dry and want == 0
local idle = want > 0 and not full and not paused
if idle and flags % 8 >= 4 then
	pcall_('SADD', base .. 'w', worker)
elseif flags % 4 >= 2 then
	call('SREM', base .. 'w', worker)
end
if not idle and not paused and not dry and (made > 0 or full or flags % 2 == 1 or tonumber(ARGV[3]) > 0) and call('SCARD', base .. 'w') > 0 then
	for band = 0, 2 do
		if call('EXISTS', base .. 'r' .. band) == 1 then
			wake(1)
			break
		end
	end
end
if timed and not idle and not paused then wake(1) end
if idle or paused then
	out[2] = -1
	local soon = math.huge
	local d = call('ZRANGE', dkey, 0, 0, 'WITHSCORES')
	if d[2] then soon = tonumber(d[2]) end
	local l = call('ZRANGE', lkey, 0, 0, 'WITHSCORES')
	if l[2] and l[1] ~= guard then soon = math.min(soon, tonumber(l[2])) end
	if keyEvery > 0 then
		local o = call('ZRANGE', base .. 'ot', 0, 0, 'WITHSCORES')
		if o[2] and tonumber(o[2]) < gate then soon = math.min(soon, tonumber(o[2])) end
	end
	if pausedUntil > now then soon = pausedUntil end
	if soon < math.huge then out[2] = math.max(0, soon - now) end
end
if dry then -- half a burst at a time, so that many workers do not ask for each message
	local some = math.max(1, math.min(tonumber(ARGV[3]), math.floor(burst / 2)))
	local at = spent(call('HGET', base .. 'c', 'b'), every, burst) + every * (some - burst)
	out[2] = math.max(1, math.ceil(at - clock))
end
for name, k in pairs(counts) do
	pcall_('HINCRBY', base .. 'c', name, k)
end
out[4] = table.concat(results)
return out
