-- repair checks that each record is in exactly one of ready, delayed and leased, and mends what is not. It walks the
-- whole queue, and nobody else is served meanwhile. ARGV: 1 to mend, 0 to look.
-- The reply: records without a place (made ready), places without a record (removed), records in two places (one
-- kept: leased before delayed before ready), leases and tokens that are one without the other (both removed: ready
-- again), missing guards.
local mend = ARGV[1] == '1'
local lost, ghosts, doubles, halves, guards = 0, 0, 0, 0, 0
if not conf[1] then return { 0, 0, 0, 0, 0 } end
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
for _, id in ipairs(call('HKEYS', base .. 'm')) do
	if id ~= '' then
		if place[id] then
			place[id] = nil
		else
			lost = lost + 1
			if mend then
				local _, _, band = attempts(call('HGET', base .. 'a', id))
				call('RPUSH', base .. 'r' .. band, id)
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
if call('HEXISTS', base .. 'm', '') == 0 or call('HEXISTS', base .. 't', '') == 0 or not call('ZSCORE', base .. 'l', guard) then
	guards = 1
	if mend then
		call('HSET', base .. 'm', '', guard)
		call('HSET', base .. 't', '', guard)
		call('ZADD', base .. 'l', '+inf', guard)
	end
end
if mend and lost > 0 and not paused then wake(1) end
return { lost, ghosts, doubles, halves, guards }
