-- What step and the scripts that operate a queue have in common.

-- roomy reports whether the server takes writes that need memory: it does for a whole script, or for none of it.
local function roomy() return not failed(pcall_('HSET', base .. 'c', 'v', conf[1] or 1)) end

-- bury makes a dead letter of a message. Its id is free again; what waits behind it takes its place. A dead letter
-- stays a member of its group, unless for that it has ended. It returns how many callbacks that enqueued.
local function bury(id, rec, att, member, reason, most)
	local before, made = call('HGET', base .. 'xr', id), 0
	tell(id, member, 'D' .. reason)
	call('HSET', base .. 'xm', id, rec)
	if buried(member) then
		made, member = leave(member), string.match(member, '[~=].*') or ''
	end
	call('HSET', base .. 'xr', id, att .. member .. ' ' .. reason)
	call('ZADD', base .. 'x', now, id)
	if before then made = made + unburied(before) end
	local extra = call('ZCARD', base .. 'x') - most
	if extra > 0 then
		for _, old in ipairs(call('ZRANGE', base .. 'x', 0, extra - 1)) do
			local entry = call('HGET', base .. 'xr', old)
			call('ZREM', base .. 'x', old)
			call('HDEL', base .. 'xm', old)
			call('HDEL', base .. 'xr', old)
			made = made + unburied(entry)
		end
	end
	return made
end

-- succeed puts the successor of a message that has ended in its place, and reports whether there was one.
local function succeed(id)
	local rec = call('HGET', base .. 's', id)
	if not rec then return false end
	local band, at, key = string.match(call('HGET', base .. 'sa', id) or '1:0', '^(%d):(%d+)(.*)$')
	call('HSET', base .. 'm', id, rec)
	call('HDEL', base .. 'a', id)
	if band ~= '1' or key ~= '' then call('HSET', base .. 'a', id, '0:0:' .. band .. key) end
	if tonumber(at) > now then
		call('ZADD', base .. 'd', at, id)
	else
		ready(id, band, key)
	end
	call('HDEL', base .. 's', id)
	call('HDEL', base .. 'sa', id)
	return true
end
