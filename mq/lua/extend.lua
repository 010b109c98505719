-- extend prolongs leases. ARGV: lease in ms, then id and token of each.
-- The reply: now, and a letter each: 1 prolonged, 0 not the lease any more, - no such message.
local ids, z, results = {}, {}, {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local tokens = call('HMGET', base .. 't', unpack(ids))
local expiry = now + tonumber(ARGV[1])
for i, id in ipairs(ids) do
	if tokens[i] == ARGV[i * 2 + 1] then
		results[i] = '1'
		z[#z + 1] = expiry
		z[#z + 1] = id
	elseif call('HEXISTS', base .. 'm', id) == 1 then
		results[i] = '0'
	else
		results[i] = '-'
	end
end
if #z > 0 then call('ZADD', base .. 'l', 'XX', unpack(z)) end
return { now, table.concat(results) }
