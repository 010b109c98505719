-- redrive makes dead letters ready again, as if they were new. ARGV: most (0: those named), ids.
-- The reply is a letter each: 1 ready, d a message of that id lives, 0 no such dead letter.
local ids, results, fresh = {}, {}, false
if tonumber(ARGV[1]) > 0 then
	ids = call('ZRANGE', base .. 'x', 0, tonumber(ARGV[1]) - 1)
else
	for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
end
for i, id in ipairs(ids) do
	local rec = call('HGET', base .. 'xm', id)
	if not rec then
		results[i] = '0'
	elseif call('ZSCORE', base .. 'g', id) or call('HSETNX', base .. 'm', id, rec) == 0 then
		results[i] = 'd'
	else
		local att = string.match(call('HGET', base .. 'xr', id) or '', '^(%S*) ')
		local _, _, band, member = attempts(att)
		if band ~= '1' or member ~= '' then call('HSET', base .. 'a', id, '0:0:' .. band .. member) end
		ready(id, band, member)
		call('ZREM', base .. 'x', id)
		call('HDEL', base .. 'xm', id)
		call('HDEL', base .. 'xr', id)
		call('HINCRBY', base .. 'c', 'redriven', 1)
		results[i], fresh = '1', true
	end
end
if fresh and not paused then wake(1) end
return table.concat(results)
