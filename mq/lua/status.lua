-- status looks for one message. ARGV: id.
-- The reply: state (R ready, B behind others of its key, D delayed, L leased, G callback of a group that is not done, X dead letter, W within its window, N none), entry in "a" or empty,
-- due, expiry or death in ms or 0, record or empty, reason or empty, 1 if a successor waits, now.
local id = ARGV[1]
local rec = call('HGET', base .. 'm', id)
if id ~= '' and rec then
	local att = call('HGET', base .. 'a', id) or ''
	local succ = call('HEXISTS', base .. 's', id)
	local due = call('ZSCORE', base .. 'd', id)
	if due then return { 'D', att, due, rec, '', succ, now } end
	local expiry = call('ZSCORE', base .. 'l', id)
	if expiry then return { 'L', att, expiry, rec, '', succ, now } end
	local _, _, _, of = attempts(att)
	local key = keyOf(of)
	local blocked = key and call('SISMEMBER', base .. 'i:' .. key, id) == 0
	return { blocked and 'B' or 'R', att, '0', rec, '', succ, now }
end
local group = call('ZSCORE', base .. 'g', id)
if group then return { 'G', waiting(group), '0', call('HGET', base .. 'gm', id) or '', '', 0, now } end
local died = call('ZSCORE', base .. 'x', id)
if died then
	local att, reason = string.match(call('HGET', base .. 'xr', id) or '', '^(%S*) (.*)$')
	return { 'X', att or '', died, call('HGET', base .. 'xm', id) or '', reason or '', 0, now }
end
if conf[3] and call('EXISTS', base .. 'u:' .. conf[3] .. ':' .. id) == 1 then return { 'W', '', '0', '', '', 0, now } end
return { 'N', '', '0', '', '', 0, now }
