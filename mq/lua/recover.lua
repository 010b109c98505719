-- recover returns what was claimed with tokens whose replies were lost, with new leases. ARGV: lease in ms, then tokens.
-- The reply: now, and for each message: id, record, entry in "a" or empty, token.
local lost, out, z = {}, { now }, {}
for i = 2, #ARGV do lost[ARGV[i]] = true end
local all = call('HGETALL', base .. 't')
for i = 1, #all, 2 do
	if lost[all[i + 1]] then
		local rec = call('HGET', base .. 'm', all[i])
		if rec then
			out[#out + 1] = all[i]
			out[#out + 1] = rec
			out[#out + 1] = call('HGET', base .. 'a', all[i]) or ''
			out[#out + 1] = all[i + 1]
			call('ZADD', base .. 'l', 'XX', now + tonumber(ARGV[1]), all[i])
		end
	end
end
return out
