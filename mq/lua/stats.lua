-- stats counts. The reply: now, format, ready of each band, delayed, leased, dead, idle workers, paused until (-1: for
-- ever, 0: not paused), records at the heads of the bands or empty, then the counters, name and value in turn.
local heads = {}
for band = 0, 2 do
	local id = call('LINDEX', base .. 'r' .. band, 0)
	heads[band] = id and call('HGET', base .. 'm', id) or ''
end
local leased = call('ZCARD', base .. 'l')
if leased > 0 and call('ZSCORE', base .. 'l', guard) then leased = leased - 1 end
local out = {
	now, conf[1] or '0', call('LLEN', base .. 'r0'), call('LLEN', base .. 'r1'), call('LLEN', base .. 'r2'),
	call('ZCARD', base .. 'd'), leased, call('ZCARD', base .. 'x'), call('SCARD', base .. 'w'),
	paused and pausedUntil or 0, heads[0], heads[1], heads[2],
}
local all = call('HGETALL', base .. 'c')
for i = 1, #all, 2 do
	if #all[i] > 1 then
		out[#out + 1], out[#out + 2] = all[i], all[i + 1]
	end
end
out[#out + 1], out[#out + 2] = 'waiting', call('ZCARD', base .. 'g')
local blocked = call('HLEN', base .. 'm') - call('HEXISTS', base .. 'm', '')
for _, n in ipairs({ 3, 4, 5, 6, 7 }) do blocked = blocked - out[n] end
out[#out + 1], out[#out + 2] = 'blocked', math.max(blocked, 0)
return out
