-- enqueue adds messages.
-- ARGV: lane, number of the call in the lane, most messages (0: any), then for each message: id, record, options.
-- Options are empty, or: policy (r reject, u update, q requeue), band (0 to 2), d or k (the delay of a message that is
-- updated is set anew, or kept), then nothing, a delay in ms, or "@" and a time in ms, then nothing, or "~" and for how many
-- ms the result is kept, then nothing, or "=" and a key.
-- The reply is one word a message: a added, u updated, q requeued, f full; or a duplicate: R ready, D delayed, L leased, B
-- behind others of its key, W within its window, G callback of a group that is not done. A second letter x says that there is a dead letter of that id.
if not conf[1] then setup() end
local room = most > 0 and most - call('HLEN', base .. 'm') + 1 or math.huge
local hasDead = call('EXISTS', base .. 'x') == 1
local lists, fresh = { ['0'] = {}, ['1'] = {}, ['2'] = {} }, 0
local dup, added, groups = 0, 0, call('EXISTS', base .. 'g') == 1
local waited = {}

local function due(when)
	if when == '' then return 0 end
	if string.sub(when, 1, 1) == '@' then
		local at = tonumber(string.sub(when, 2))
		return at > now and at or 0
	end
	return now + tonumber(when)
end

-- flush makes the collected ids ready.
local function flush()
	for band, list in pairs(lists) do
		if #list > 0 then
			call('RPUSH', base .. 'r' .. band, unpack(list))
			fresh = fresh + #list
			lists[band] = {}
		end
	end
end

local function place(id, band, of, at)
	if at > 0 then
		call('ZADD', base .. 'd', at, id)
		waited[id] = true
	elseif keyOf(of) then
		flush()
		fresh = fresh + ready(id, band, of)
	else
		local list = lists[band]
		list[#list + 1] = id
	end
end

local function keep(id, band, of)
	if band ~= '1' or of ~= '' then call('HSET', base .. 'a', id, '0:0:' .. band .. of) end
	if of ~= '' then raise() end
end

-- again decides about an id that lives.
local function again(id, rec, policy, band, key, reset, at)
	flush()
	local state = where(id)
	if policy == 'r' or policy == 'u' and state == 'L' then return state end
	if state == 'L' then
		local new = call('HSET', base .. 's', id, rec)
		call('HSET', base .. 'sa', id, band .. ':' .. at .. key)
		if key ~= '' then raise() end
		return new == 1 and 'q' or 'u'
	end
	local f, c, old, of = attempts(call('HGET', base .. 'a', id))
	call('HSET', base .. 'm', id, rec)
	if reset or old ~= band or keyOf(key) ~= keyOf(of) then
		local score = call('ZSCORE', base .. 'd', id)
		if not reset and score then at = tonumber(score) end
		fresh = fresh + withdraw(id, old, of)
		call('HDEL', base .. 'a', id)
		local group = groupOf(of)
		of = (group and ':' .. group or '') .. key
		keep(id, band, of)
		place(id, band, of, at)
	elseif key ~= (string.match(of, '[~=].*') or '') then
		local group = groupOf(of)
		call('HSET', base .. 'a', id, f .. ':' .. c .. ':' .. band .. (group and ':' .. group or '') .. key)
		raise()
	end
	return 'u'
end

for i = begin, #ARGV, 3 do
	local id, rec, opt = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local policy, band, reset, at, key = 'r', '1', false, 0, ''
	if opt ~= '' then
		policy, band, reset = string.sub(opt, 1, 1), string.sub(opt, 2, 2), string.sub(opt, 3, 3) == 'd'
		local when
		when, key = string.match(opt, '^...([^=~]*)(.*)$')
		at = due(when)
	end
	local word
	if room < 1 and call('HEXISTS', base .. 'm', id) == 0 then
		word = 'f'
	elseif policy ~= 'q' and call('EXISTS', base .. 'u:' .. conf[3] .. ':' .. id) == 1 then
		word = 'W'
	elseif groups and call('ZSCORE', base .. 'g', id) then
		word = 'G'
	elseif call('HSETNX', base .. 'm', id, rec) == 1 then
		keep(id, band, member .. key)
		place(id, band, member .. key, at)
		word, added, room = 'a', added + 1, room - 1
	else
		word = again(id, rec, policy, band, key, reset, at)
	end
	if word == 'R' or word == 'D' or word == 'L' or word == 'B' or word == 'W' or word == 'G' then dup = dup + 1 end
	if hasDead and call('ZSCORE', base .. 'x', id) then word = word .. 'x' end
	words[#words + 1] = word
end
flush()
if member ~= '' then
	for _ = 1, dup do fresh = fresh + leave(member) end -- nobody waits for what another is
end
if added > 0 then call('HINCRBY', base .. 'c', 'enqueued', added) end
if dup > 0 then call('HINCRBY', base .. 'c', 'duplicates', dup) end
words = table.concat(words, ' ')
if lane ~= '' then call('SET', base .. 'p:' .. lane, ARGV[2] .. ' ' .. words, 'PX', 600000) end
if not paused then
	if next(waited) then
		local earliest = call('ZRANGE', base .. 'd', 0, 0)[1]
		if waited[earliest] then wake(1) end -- somebody's timer must be set anew
	end
	if fresh > 0 or timed then wake(1) end -- who is woken wakes the next if something is left
end
return words
