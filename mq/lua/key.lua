-- What the scripts have in common in which a message with a key comes or goes.
-- The keys: "q:<key>" is a list of messages that wait for their key; "i:<key>" a set of those that have a place, for they
-- are ready, leased, or delayed without giving up their place; "o" a set of the keys that have one or the other. Of keys
-- with a rate, "ot" has the time at which the next message may become ready, or gate while one is, and "b:<key>" when
-- all that was claimed would have been, had it come at the rate.
-- A place is a name in a set, not a count: what frees it twice, or never did, frees nothing else.
local cap, overtake, keyEvery, keyBurst, every, burst =
	string.match(conf[4] or '', '^(%d+):([01]):([%d.]+):(%d+):([%d.]+):(%d+)$')
cap, keyEvery, keyBurst = tonumber(cap or 1), tonumber(keyEvery or 0), tonumber(keyBurst or 1)
every, burst = tonumber(every or 0), tonumber(burst or 1)
if cap == 0 then cap = math.huge end
local inOrder = cap == 1 and overtake ~= '1'
local closed, timed = '4000000000000001', false
local gate = tonumber(closed)
local clock = time[1] * 1000 + time[2] / 1000

-- spent returns until when a rate is spent, and whether that is not what is stored, s, because it was written by a clock
-- that was ahead of this one.
local function spent(s, each, most)
	local till = tonumber(s or 0)
	if till > clock + each * most + 1 then return clock + each * most, true end
	return math.max(till, clock), false
end

-- spend stores until when the rate of a key is spent.
local function spend(key, till)
	call('SET', base .. 'b:' .. key, string.format('%.3f', till), 'PX', string.format('%.0f', math.ceil(till - clock) + 1))
end

-- admit makes messages ready that wait for a key, as many as may be. It returns how many.
local function admit(key, front)
	local held, waits, made = base .. 'i:' .. key, base .. 'q:' .. key, 0
	local free = cap - call('SCARD', held)
	while free > 0 do
		if keyEvery > 0 then
			if tonumber(call('ZSCORE', base .. 'ot', key) or 0) == gate then break end
			local till, ahead = spent(call('GET', base .. 'b:' .. key), keyEvery, keyBurst)
			if ahead then spend(key, till) end
			local at = till + keyEvery * (1 - keyBurst)
			if at > clock + 0.001 then
				if call('EXISTS', waits) == 1 then
					call('ZADD', base .. 'ot', string.format('%.0f', math.ceil(at)), key)
					timed = true
				end
				break
			end
		end
		local id = call('LPOP', waits)
		if not id then break end
		if call('HEXISTS', base .. 'm', id) == 1 then
			local _, _, band = attempts(call('HGET', base .. 'a', id))
			call('SADD', held, id)
			call(front and 'LPUSH' or 'RPUSH', base .. 'r' .. band, id)
			if keyEvery > 0 then call('ZADD', base .. 'ot', closed, key) end
			free, made = free - 1, made + 1
		end
	end
	if made == 0 and call('EXISTS', held) == 0 and call('EXISTS', waits) == 0 then
		call('SREM', base .. 'o', key)
		call('ZREM', base .. 'ot', key)
	end
	return made
end

-- enter makes a message ready as soon as its key lets it: behind those that wait, but before them if it has a place.
-- front is for one that comes back at once. It returns how many messages became ready. SREM comes first: after that a
-- server that is out of memory takes the rest.
local function enter(key, id, front)
	local ahead = call('SREM', base .. 'i:' .. key, id) == 1 or front
	call('SADD', base .. 'o', key)
	call(ahead and 'LPUSH' or 'RPUSH', base .. 'q:' .. key, id)
	return admit(key, front)
end

-- part frees the place of a message that is not ready, and returns how many others became ready.
local function part(id, of)
	local key = keyOf(of)
	if not key then return 0 end
	call('SREM', base .. 'i:' .. key, id)
	return admit(key)
end

-- withdraw takes a message from where it waits, and returns how many others became ready.
local function withdraw(id, band, of)
	local key = keyOf(of)
	if call('ZREM', base .. 'd', id) == 1 then return part(id, of) end
	if not key then
		call('LREM', base .. 'r' .. band, 1, id)
		return 0
	end
	if call('SISMEMBER', base .. 'i:' .. key, id) == 0 then
		call('LREM', base .. 'q:' .. key, 1, id)
		return admit(key)
	end
	call('LREM', base .. 'r' .. band, 1, id)
	call('ZREM', base .. 'ot', key)
	return part(id, of)
end

-- ready makes a message ready, whether it has a key or not, and returns how many became so.
local function ready(id, band, of)
	local key = keyOf(of)
	if key then return enter(key, id) end
	call('RPUSH', base .. 'r' .. band, id)
	return 1
end
