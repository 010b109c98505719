-- cancel removes messages. ARGV: ids. The reply is a letter each: 1 removed, 2 removed from under its worker, which is
-- told, 0 no such message.
local results = {}
for i, id in ipairs(ARGV) do
	local token = call('HGET', base .. 't', id)
	local group = call('ZSCORE', base .. 'g', id)
	if group then
		forget(id, group)
		results[i] = '1'
		call('HINCRBY', base .. 'c', 'canceled', 1)
	elseif id == '' or call('HDEL', base .. 'm', id) == 0 then
		results[i] = '0'
	else
		local _, _, band, member = attempts(call('HGET', base .. 'a', id))
		call('HDEL', base .. 'a', id)
		call('HDEL', base .. 's', id)
		call('HDEL', base .. 'sa', id)
		if token then
			call('ZREM', base .. 'l', id)
			call('HDEL', base .. 't', id)
			pcall_('PUBLISH', base .. 'w:' .. string.match(token, '^[^/]*'), 'x' .. id)
			results[i] = '2'
		else
			if call('ZREM', base .. 'd', id) == 0 then call('LREM', base .. 'r' .. band, 1, id) end
			results[i] = '1'
		end
		call('HINCRBY', base .. 'c', 'canceled', 1)
		if leave(member) == 1 and not paused then wake(1) end
	end
end
return table.concat(results)
