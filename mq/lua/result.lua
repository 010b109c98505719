-- result tells what has become of a message. ARGV: id.
-- The reply: w it lives, and its result will be kept, n it lives, and will not, A and the result, D and why it is a dead
-- letter, C cancelled, N nothing is known of it.
local id = ARGV[1]
if call('HEXISTS', base .. 'm', id) == 1 then
	local _, _, _, of = attempts(call('HGET', base .. 'a', id))
	return string.find(of, '^[^=]*~') and 'w' or 'n'
end
local group = call('ZSCORE', base .. 'g', id)
if group then
	return string.find(call('HGET', base .. 'gn', group) or '', '^%d+:%d+:%d+:[01]:[^= ]*~%d+') and 'w' or 'n'
end
return call('GET', base .. 'e:' .. id) or 'N' -- a dead letter of the id may be that of an earlier message
