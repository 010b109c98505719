-- purge removes all messages of some states, and ends the windows of all ids. ARGV: letters of states: R ready, D
-- delayed, X dead letters, G callbacks that wait, W windows alone, C everything, also what is leased. The reply: how many were removed.
local what, removed, leaving = ARGV[1], 0, {}
if not conf[1] then return 0 end

local function drop(ids)
	for i = 1, #ids, 500 do
		local part = { unpack(ids, i, math.min(i + 499, #ids)) }
		for _, entry in ipairs(call('HMGET', base .. 'a', unpack(part))) do
			local _, _, _, member = attempts(entry)
			if member ~= '' then leaving[#leaving + 1] = member end
		end
		removed = removed + call('HDEL', base .. 'm', unpack(part))
		call('HDEL', base .. 'a', unpack(part))
	end
end

call('HSET', base .. 'c', 'g', windows())
if string.find(what, 'C') then
	removed = math.max(call('HLEN', base .. 'm') - 1, 0) + call('ZCARD', base .. 'x') + call('ZCARD', base .. 'g')
	for _, key in ipairs({ 'm', 'a', 'r0', 'r1', 'r2', 'd', 'l', 't', 's', 'sa', 'x', 'xm', 'xr', 'g', 'gm', 'gn' }) do
		call('UNLINK', base .. key)
	end
	setup()
	return removed
end
if string.find(what, 'R') then
	for band = 0, 2 do
		drop(call('LRANGE', base .. 'r' .. band, 0, -1))
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
	for _, key in ipairs({ 'g', 'gm', 'gn' }) do call('UNLINK', base .. key) end
end
local made = 0
for _, member in ipairs(leaving) do made = made + leave(member) end -- who has gone has ended
if made > 0 and not paused then wake(1) end
return removed
