-- The beginning of every script: KEYS[1] is the queue's key prefix, "mq:{name}:". All other keys are made of it; the
-- hash tag keeps them in one slot. now is the server's clock in milliseconds.
local base = KEYS[1]
local call, pcall_ = redis.call, redis.pcall
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local format = 2
local guard = 'guard that makes this key a hash table or a skip list from the beginning: see DESIGN.md'
local conf = call('HMGET', base .. 'c', 'v', 'p', 'g', 'l')
if conf[1] and tonumber(conf[1]) > format then
	return redis.error_reply('MQFORMAT ' .. conf[1])
end
local pausedUntil = tonumber(conf[2] or 0)
local paused = pausedUntil < 0 or pausedUntil > now

-- failed reports whether the reply of a redis.pcall is an error.
local function failed(r) return type(r) == 'table' and r.err ~= nil end

-- wake tells up to k idle workers to look. A worker that nobody hears of any more is forgotten. Where the user may not
-- publish, workers are left to find out by themselves.
local function wake(k)
	while k > 0 do
		local worker = call('SPOP', base .. 'w')
		if not worker then return end
		local r = pcall_('PUBLISH', base .. 'w:' .. worker, '1')
		if failed(r) then
			pcall_('SADD', base .. 'w', worker)
			return
		end
		if r > 0 then k = k - 1 end
	end
end

-- windows returns a name for the windows from now on that they have not had before, also if the clock stands still.
local function windows()
	local g = time[1] .. '.' .. time[2]
	if conf[3] and string.sub(conf[3], 1, #g) == g then return conf[3] .. '+' end
	return g
end

-- raise says that what is stored needs a program that knows this format. A queue that has none of that stays one of
-- format 1, which older programs know.
local function raise()
	if tonumber(conf[1]) < format then
		conf[1] = format
		call('HSET', base .. 'c', 'v', format)
	end
end

-- setup makes the configuration and the guards of a new queue.
local function setup()
	conf[3] = windows()
	conf[1] = conf[1] or '1'
	call('HSET', base .. 'c', 'v', conf[1], 'g', conf[3])
	call('HSET', base .. 'm', '', guard)
	call('HSET', base .. 't', '', guard)
	call('ZADD', base .. 'l', '+inf', guard)
end

-- waiting returns for the callback of a group what "a" would: its failures are the members that have not ended.
local function waiting(group)
	local left, band = string.match(call('HGET', base .. 'gn', group) or '', '^(%d+):%d+:%d+:[01]:.?(%d?)')
	return (left or '0') .. ':0:' .. (band and band ~= '' and band or '1')
end

-- attempts splits what the hash "a" says of a message: failures, crashes, band, and what it belongs to: for a member of
-- a group a colon and the number of the group, for a message whose result is kept a tilde and for how many ms, for one
-- with a key an equals sign and the key, or nothing.
local function attempts(s)
	if not s then return 0, 0, '1', '' end
	local f, c, p, of = string.match(s, '^(%d+):(%d+):(%d)(.*)$')
	return tonumber(f or 0), tonumber(c or 0), p or '1', of or ''
end

-- keyOf returns the key of a message, or nil, and groupOf the number of its group: of is the fourth result of attempts.
local function keyOf(of) return string.match(of, '=(.*)$') end
local function groupOf(of) return string.match(of, '^:(%d+)') end

-- tell keeps the result of a message, if it is to be kept, and tells who waits for it: A and what the handler has
-- returned, D and why it is a dead letter, or C, cancelled. It reports whether there was the memory for that.
local function tell(id, of, result)
	local keep = string.match(of, '^[^=]*~(%d+)')
	if not keep then return true end
	if failed(pcall_('SET', base .. 'e:' .. id, result, 'PX', keep)) then return false end
	pcall_('PUBLISH', base .. 'e:' .. id, '1')
	return true
end
