-- purge removes all messages of some states, and ends the windows of all ids. ARGV: letters of states: R ready, and
-- behind others of their keys, D delayed, X dead letters, G callbacks that wait, W windows alone, C everything, also
-- what is leased. The reply: how many were removed.
local what, removed, leaving, keys = ARGV[1], 0, {}, {}
if not conf[1] then return 0 end

-- drop removes messages; at says of what has a key that it was ready.
local function drop(ids, at)
	for i = 1, #ids, 500 do
		local part = { unpack(ids, i, math.min(i + 499, #ids)) }
		for j, entry in ipairs(call('HMGET', base .. 'a', unpack(part))) do
			local _, _, _, member = attempts(entry)
			local key = keyOf(member)
			tell(part[j], member, 'C')
			if groupOf(member) then leaving[#leaving + 1] = member end
			if key then
				keys[key] = true
				call('SREM', base .. 'i:' .. key, part[j])
				if at == 'r' then call('ZREM', base .. 'ot', key) end
			end
		end
		removed = removed + call('HDEL', base .. 'm', unpack(part))
		call('HDEL', base .. 'a', unpack(part))
	end
end

call('HSET', base .. 'c', 'g', windows())
if string.find(what, 'C') then
	removed = math.max(call('HLEN', base .. 'm') - 1, 0) + call('ZCARD', base .. 'x') + call('ZCARD', base .. 'g')
	for _, key in ipairs(call('SMEMBERS', base .. 'o')) do
		for _, kind in ipairs({ 'q:', 'i:', 'b:' }) do call('UNLINK', base .. kind .. key) end
	end
	for _, key in ipairs({ 'm', 'a', 'r0', 'r1', 'r2', 'd', 'l', 't', 's', 'sa', 'x', 'xm', 'xr', 'g', 'gm', 'gn', 'o', 'ot' }) do
		call('UNLINK', base .. key)
	end
	setup()
	return removed
end
if string.find(what, 'R') then
	for _, key in ipairs(call('SMEMBERS', base .. 'o')) do
		drop(call('LRANGE', base .. 'q:' .. key, 0, -1))
		call('UNLINK', base .. 'q:' .. key)
	end
	for band = 0, 2 do
		drop(call('LRANGE', base .. 'r' .. band, 0, -1), 'r')
		call('UNLINK', base .. 'r' .. band)
	end
end
if string.find(what, 'D') then
	drop(call('ZRANGE', base .. 'd', 0, -1))
	call('UNLINK', base .. 'd')
end
if string.find(what, 'X') then
	local all = call('HGETALL', base .. 'xr')
	for i = 2, #all, 2 do
		local _, _, _, member = attempts(string.match(all[i], '^(%S*) '))
		if member ~= '' then leaving[#leaving + 1] = member end
	end
	removed = removed + call('ZCARD', base .. 'x')
	for _, key in ipairs({ 'x', 'xm', 'xr' }) do call('UNLINK', base .. key) end
end
if string.find(what, 'G') then
	removed = removed + call('ZCARD', base .. 'g')
	local all = call('ZRANGE', base .. 'g', 0, -1, 'WITHSCORES')
	for i = 1, #all, 2 do revoke(all[i], all[i + 1]) end
	for _, key in ipairs({ 'g', 'gm', 'gn' }) do call('UNLINK', base .. key) end
end
local made = 0
for key in pairs(keys) do made = made + admit(key) end
for _, member in ipairs(leaving) do made = made + leave(member) end -- who has gone has ended
if (made > 0 or timed) and not paused then wake(1) end
return removed
