-- open makes a group: messages, its members, whose end enqueues another, its callback. It stands between lane and
-- enqueue, which adds the members. ARGV[4] to ARGV[6] are id and record of the callback, and: how many members there
-- are, how many come before those of this call, 1 if a dead letter counts as ended or 0, options of the callback,
-- with colons between. What was added by another call already is not added again.
-- The reply is that of enqueue, or !F: the queue has no room; !N: members that come before are missing; ! and R, D, L,
-- B, W or G: the callback is a duplicate.
-- The keys: "g" has the ids of callbacks that wait, with the numbers of the groups, "gm" their records; "gn" has for
-- each number: how many members have not ended, were added, and there are, 1 or 0, options, with colons between, then
-- a space and the id of the callback.
do
	local id, rec, count = ARGV[4], ARGV[5], (#ARGV - 6) / 3
	local all, before, dead, opt = string.match(ARGV[6], '^(%d+):(%d+):([01]):(.*)$')
	local total, from = tonumber(all), tonumber(before)
	local group, added = call('ZSCORE', base .. 'g', id), 0
	local left = total
	if group then
		local l, a, t = string.match(call('HGET', base .. 'gn', group) or '', '^(%d+):(%d+):(%d+):')
		left, added = tonumber(l), tonumber(a)
		if t ~= all or from == 0 and added == total then return '!G' end
	elseif from == 0 then
		if call('HEXISTS', base .. 'm', id) == 1 then return '!' .. where(id) end
		if conf[3] and call('EXISTS', base .. 'u:' .. conf[3] .. ':' .. id) == 1 then return '!W' end
	end
	if from > added then return '!N' end
	local skip = math.min(added - from, count)
	if most > 0 and math.max(call('HLEN', base .. 'm') - 1, 0) + count - skip > most then return '!F' end
	if not conf[1] then setup() end
	raise()
	if not group then
		group = string.format('%.0f', call('HINCRBY', base .. 'c', 'groups', 1))
		call('ZADD', base .. 'g', group, id)
		call('HSET', base .. 'gm', id, rec)
	end
	added = math.max(added, from + count)
	call('HSET', base .. 'gn', group, string.format('%.0f:%.0f:%s:%s:%s %s', left, added, all, dead, opt, id))
	for i = 1, skip do words[i] = 'a' end
	begin, member = 7 + 3 * skip, ':' .. group
end
