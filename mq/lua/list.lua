-- list returns messages of one state. ARGV: state (R, B, D, L, X or G), how many to skip, how many to return.
-- The reply: now, and for each: id, record, entry in "a" or empty, due, expiry or death in ms, reason.
local state, skip, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local out = { now }

local function add(ids, scores)
	if #ids == 0 then return end
	local dead = state == 'X'
	local recs = call('HMGET', base .. (dead and 'xm' or state == 'G' and 'gm' or 'm'), unpack(ids))
	local atts = state == 'G' and {} or call('HMGET', base .. (dead and 'xr' or 'a'), unpack(ids))
	for i, id in ipairs(ids) do
		local att, reason = atts[i] or '', ''
		if dead then att, reason = string.match(att, '^(%S*) (.*)$') end
		if state == 'G' then att, scores[i] = waiting(scores[i]), '0' end
		for _, v in ipairs({ id, recs[i] or '', att or '', scores and scores[i] or '0', reason or '' }) do
			out[#out + 1] = v
		end
	end
end

if state == 'R' or state == 'B' then
	local lists = { 'r0', 'r1', 'r2' }
	if state == 'B' then
		lists = call('SMEMBERS', base .. 'o')
		table.sort(lists)
		for i, key in ipairs(lists) do lists[i] = 'q:' .. key end
	end
	for _, list in ipairs(lists) do
		local key = base .. list
		local len = call('LLEN', key)
		if skip >= len then
			skip = skip - len
		elseif most > 0 then
			local ids = call('LRANGE', key, skip, skip + most - 1)
			skip, most = 0, most - #ids
			add(ids)
		end
	end
	return out
end
local key = base .. (state == 'D' and 'd' or state == 'L' and 'l' or state == 'G' and 'g' or 'x')
local flat = call('ZRANGE', key, skip, skip + most - 1, 'WITHSCORES')
local ids, scores = {}, {}
for i = 1, #flat, 2 do
	if flat[i] ~= guard then
		ids[#ids + 1], scores[#scores + 1] = flat[i], flat[i + 1]
	end
end
add(ids, scores)
return out
