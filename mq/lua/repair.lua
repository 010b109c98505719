-- repair checks that each record is in exactly one of ready, delayed and leased, and mends what is not. It walks the
-- whole queue, and nobody else is served meanwhile. ARGV: 1 to mend, 0 to look.
-- The reply: records without a place (made ready), places without a record (removed), records in two places (one
-- kept: leased before delayed before ready), leases and tokens that are one without the other (both removed: ready
-- again), missing guards, groups that count wrongly (counted anew; the callback is enqueued if all have ended) or lack
-- something (removed), keys of which a place is taken by a message that has none, or one that is ready or leased
-- has no place, or more wait than must (all put right).
local mend = ARGV[1] == '1'
local lost, ghosts, doubles, halves, guards, keys, made = 0, 0, 0, 0, 0, 0, 0
if not conf[1] then return { 0, 0, 0, 0, 0, 0, 0 } end
local place, tokens = {}, {}
local flat = call('HGETALL', base .. 't')
for i = 1, #flat, 2 do
	if flat[i] ~= '' then tokens[flat[i]] = true end
end
for _, id in ipairs(call('ZRANGE', base .. 'l', 0, -1)) do
	if id ~= guard then
		if tokens[id] then
			place[id] = 'l'
			tokens[id] = nil
		else
			halves = halves + 1
			if mend then call('ZREM', base .. 'l', id) end
		end
	end
end
for id in pairs(tokens) do
	halves = halves + 1
	if mend then call('HDEL', base .. 't', id) end
end
for _, id in ipairs(call('ZRANGE', base .. 'd', 0, -1)) do
	if place[id] then
		doubles = doubles + 1
		if mend then call('ZREM', base .. 'd', id) end
	else
		place[id] = 'd'
	end
end
for band = 0, 2 do
	for _, id in ipairs(call('LRANGE', base .. 'r' .. band, 0, -1)) do
		if place[id] then
			doubles = doubles + 1
			if mend then call('LREM', base .. 'r' .. band, place[id] == 'r' .. band and -1 or 1, id) end
		else
			place[id] = 'r' .. band
		end
	end
end
local all, named = {}, {}
for _, key in ipairs(call('SMEMBERS', base .. 'o')) do all[key] = true end
flat = call('HGETALL', base .. 'a')
for i = 1, #flat, 2 do
	local _, _, _, of = attempts(flat[i + 1])
	local key = keyOf(of)
	if key then
		named[flat[i]] = key
		all[key] = true
	end
end
for key in pairs(all) do
	for _, id in ipairs(call('LRANGE', base .. 'q:' .. key, 0, -1)) do
		if place[id] then
			doubles = doubles + 1
			if mend then call('LREM', base .. 'q:' .. key, place[id] == 'q:' .. key and -1 or 1, id) end
		else
			place[id] = 'q:' .. key
		end
	end
end
-- Keys: who is ready or leased has a place, who waits or does not live has none.
local inside, front, uneven = {}, {}, {}
for id, at in pairs(place) do
	local key = named[id]
	if key and call('HEXISTS', base .. 'm', id) == 1 then
		if string.sub(at, 1, 1) == 'r' then front[key] = true end
		if at == 'l' or string.sub(at, 1, 1) == 'r' then
			if call('SISMEMBER', base .. 'i:' .. key, id) == 0 then
				uneven[key] = true
				if mend then call('SADD', base .. 'i:' .. key, id) end
			end
			inside[id] = true
		elseif at == 'd' then
			inside[id] = true
		end
	end
end
for key in pairs(all) do
	for _, id in ipairs(call('SMEMBERS', base .. 'i:' .. key)) do
		if named[id] ~= key or not inside[id] then
			uneven[key] = true
			if mend then call('SREM', base .. 'i:' .. key, id) end
		end
	end
	local due = tonumber(call('ZSCORE', base .. 'ot', key) or 0)
	if due == gate and not front[key] then uneven[key] = true end
	if due == 0 and call('EXISTS', base .. 'q:' .. key) == 1 and call('SCARD', base .. 'i:' .. key) < cap then uneven[key] = true end
	if uneven[key] then
		keys = keys + 1
		if mend then
			call('SADD', base .. 'o', key)
			if not front[key] then call('ZREM', base .. 'ot', key) end
		end
	end
end
for _, id in ipairs(call('HKEYS', base .. 'm')) do
	if id ~= '' then
		if place[id] then
			place[id] = nil
		else
			lost = lost + 1
			if mend then
				local _, _, band, of = attempts(call('HGET', base .. 'a', id))
				made = made + ready(id, band, of)
			end
		end
	end
end
for id, at in pairs(place) do
	ghosts = ghosts + 1
	if mend then
		if at == 'l' then
			call('ZREM', base .. 'l', id)
			call('HDEL', base .. 't', id)
		elseif at == 'd' then
			call('ZREM', base .. 'd', id)
		else
			call('LREM', base .. at, 0, id)
		end
	end
end
if mend then
	for key in pairs(uneven) do made = made + admit(key) end
end
if call('HEXISTS', base .. 'm', '') == 0 or call('HEXISTS', base .. 't', '') == 0 or not call('ZSCORE', base .. 'l', guard) then
	guards = 1
	if mend then
		call('HSET', base .. 'm', '', guard)
		call('HSET', base .. 't', '', guard)
		call('ZADD', base .. 'l', '+inf', guard)
	end
end
-- Groups: members live or are dead letters, or are not added yet.
local wrong, have = 0, {}
local function join(entry)
	local _, _, _, member = attempts(entry)
	local group = groupOf(member)
	if group then have[group] = (have[group] or 0) + 1 end
end
flat = call('HGETALL', base .. 'a')
for i = 1, #flat, 2 do
	if call('HEXISTS', base .. 'm', flat[i]) == 1 then join(flat[i + 1]) end
end
flat = call('HGETALL', base .. 'xr')
for i = 2, #flat, 2 do join(string.match(flat[i], '^(%S*) ')) end
flat = call('HGETALL', base .. 'gn')
for i = 1, #flat, 2 do
	local group = flat[i]
	local left, added, total, rest, id = string.match(flat[i + 1], '^(%d+):(%d+):(%d+)(:[01]:%S*) (.*)$')
	local want = left and (have[group] or 0) + total - added
	if not left or call('ZSCORE', base .. 'g', id) ~= group or call('HEXISTS', base .. 'gm', id) == 0 then
		wrong = wrong + 1
		if mend then call('HDEL', base .. 'gn', group) end
	elseif want ~= tonumber(left) then
		wrong = wrong + 1
		if mend then
			local counted = string.format('%.0f:%s:%s%s %s', math.max(want, 1), added, total, rest, id)
			call('HSET', base .. 'gn', group, counted)
			if want == 0 then made = made + leave(':' .. group) end
		end
	end
end
flat = call('ZRANGE', base .. 'g', 0, -1, 'WITHSCORES')
for i = 1, #flat, 2 do
	if call('HEXISTS', base .. 'gn', flat[i + 1]) == 0 then
		wrong = wrong + 1
		if mend then forget(flat[i], flat[i + 1]) end
	end
end
if mend and (made > 0 or timed) and not paused then wake(1) end
return { lost, ghosts, doubles, halves, guards, wrong, keys }
