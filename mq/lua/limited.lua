-- limited is the end of limit: what new limits let in becomes ready. What the rates have spent stays spent, up to a burst
-- of the new ones, and gates stay shut: a change gives nobody a burst.

-- gather takes back what is ready of any key, and puts it before what waits for that.
local function gather()
	local back = {}
	for band = 0, 2 do
		local list = base .. 'r' .. band
		local ids, kept = call('LRANGE', list, 0, -1), {}
		for i = 1, #ids, 500 do
			local some = { unpack(ids, i, math.min(i + 499, #ids)) }
			for j, entry in ipairs(call('HMGET', base .. 'a', unpack(some))) do
				local _, _, _, of = attempts(entry)
				local key = keyOf(of)
				if key then
					back[key] = back[key] or {}
					table.insert(back[key], some[j])
				else
					kept[#kept + 1] = some[j]
				end
			end
		end
		if #kept < #ids then
			call('UNLINK', list)
			for i = 1, #kept, 500 do call('RPUSH', list, unpack(kept, i, math.min(i + 499, #kept))) end
		end
	end
	for key, ids in pairs(back) do
		for i = #ids, 1, -500 do -- the last first: LPUSH turns them round
			local some = {}
			for j = i, math.max(i - 499, 1), -1 do some[#some + 1] = ids[j] end
			call('SREM', base .. 'i:' .. key, unpack(some))
			call('LPUSH', base .. 'q:' .. key, unpack(some))
		end
	end
end

if changed then
	local was = tonumber(string.match(before or '', '^%d+:[01]:([%d.]+):') or 0)
	if keyEvery == 0 then
		call('UNLINK', base .. 'ot')
	elseif was == 0 and call('EXISTS', base .. 'o') == 1 then
		gather() -- no gate was there to shut behind what is ready: there may be any number of a key
	end
	for _, key in ipairs(call('SMEMBERS', base .. 'o')) do admit(key) end
	if not paused then wake(call('SCARD', base .. 'w')) end
end
return conf[4] or ''
