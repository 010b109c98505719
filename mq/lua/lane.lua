-- lane is the beginning of enqueue and of open: ARGV[1] and ARGV[2] are a lane and the number of the call in it.
-- A lane is a caller of which one call at a time is under way. Its last call is remembered, so that a call whose
-- reply was lost may be repeated: it gets the same answer.
local lane = ARGV[1]
if lane ~= '' then
	local last = call('GET', base .. 'p:' .. lane)
	if last then
		local seq, words = string.match(last, '^(%d+) (.*)$')
		if seq == ARGV[2] then
			call('SET', base .. 'p:' .. lane, last, 'PX', 600000)
			return words
		end
	end
end
local most = tonumber(ARGV[3])
local begin, words, member = 4, {}, '' -- the first message, the answers so far, the group that they are members of

-- where returns the letter of where a message is that lives.
local function where(id)
	if call('HEXISTS', base .. 't', id) == 1 then return 'L' end
	if call('ZSCORE', base .. 'd', id) then return 'D' end
	local _, _, _, of = attempts(call('HGET', base .. 'a', id))
	local key = keyOf(of)
	return key and call('SISMEMBER', base .. 'i:' .. key, id) == 0 and 'B' or 'R'
end
