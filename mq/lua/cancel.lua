-- cancel removes messages. ARGV: ids. The reply is a letter each: 1 removed, 2 removed from under its worker, which is
-- told, 0 no such message.
local results, made = {}, 0
for i, id in ipairs(ARGV) do
	local token = call('HGET', base .. 't', id)
	local group = call('ZSCORE', base .. 'g', id)
	if group then
		revoke(id, group)
		results[i] = '1'
		call('HINCRBY', base .. 'c', 'canceled', 1)
	elseif id == '' or call('HDEL', base .. 'm', id) == 0 then
		results[i] = '0'
	else
		local _, _, band, member = attempts(call('HGET', base .. 'a', id))
		call('HDEL', base .. 'a', id)
		tell(id, member, 'C')
		call('HDEL', base .. 's', id)
		call('HDEL', base .. 'sa', id)
		if token then
			call('ZREM', base .. 'l', id)
			call('HDEL', base .. 't', id)
			pcall_('PUBLISH', base .. 'w:' .. string.match(token, '^[^/]*'), 'x' .. id)
			results[i] = '2'
			made = made + part(id, member)
		else
			made = made + withdraw(id, band, member)
			results[i] = '1'
		end
		call('HINCRBY', base .. 'c', 'canceled', 1)
		made = made + leave(member)
	end
end
if (made > 0 or timed) and not paused then wake(1) end
return table.concat(results)
