-- What the scripts have in common in which a member of a group may end. See open for the keys.

-- forget removes the callback of a group that waits.
local function forget(id, group)
	call('ZREM', base .. 'g', id)
	call('HDEL', base .. 'gm', id)
	call('HDEL', base .. 'gn', group)
end

-- revoke removes the callback of a group that waits, and tells who waits for it.
local function revoke(id, group)
	local opt = string.match(call('HGET', base .. 'gn', group) or '', '^%d+:%d+:%d+:[01]:(%S*) ')
	tell(id, string.match(opt or '', '[~=].*') or '', 'C')
	forget(id, group)
end

-- leave counts a member of a group as ended: the fourth result of attempts says which group, if any. The callback is
-- enqueued by the last. It returns how many messages that enqueued.
local function leave(member)
	local group = groupOf(member)
	local s = group and call('HGET', base .. 'gn', group)
	if not s then return 0 end
	local left, rest = string.match(s, '^(%d+)(:.*)$')
	left = tonumber(left) - 1
	if left > 0 then
		call('HSET', base .. 'gn', group, string.format('%.0f', left) .. rest)
		return 0
	end
	local opt, id = string.match(rest, '^:%d+:%d+:[01]:(%S*) (.*)$')
	local band, due, key = string.match(opt, '^.(%d).([^=~]*)(.*)$')
	band, due, key = band or '1', due or '', key or ''
	local at = string.sub(due, 1, 1) == '@' and tonumber(string.sub(due, 2)) or now + tonumber(due ~= '' and due or 0)
	local new = call('HSET', base .. 'm', id, call('HGET', base .. 'gm', id) or '')
	forget(id, group)
	if new == 0 then return 0 end -- somebody else has put it there: it has its place
	if band ~= '1' or key ~= '' then call('HSET', base .. 'a', id, '0:0:' .. band .. key) end
	call('HINCRBY', base .. 'c', 'enqueued', 1)
	if at > now then
		call('ZADD', base .. 'd', at, id)
		return 1
	end
	return ready(id, band, key)
end

-- buried reports whether a dead letter counts as ended for the group.
local function buried(member)
	local group = groupOf(member)
	local s = group and call('HGET', base .. 'gn', group)
	return s and string.match(s, '^%d+:%d+:%d+:([01])') == '1'
end

-- unburied counts a dead letter that is removed as ended. entry is that in "xr".
local function unburied(entry)
	local _, _, _, member = attempts(entry and string.match(entry, '^(%S*) '))
	return leave(member)
end
