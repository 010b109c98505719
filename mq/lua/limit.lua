-- limit sets or tells the limits of the queue. ARGV: nothing, or the limits: how many messages of a key at a time (0:
-- any), 1 if a delayed one lets others pass, ms and burst of a key's rate, ms and burst of the queue's. Colons between.
-- It stands between head and key, which reads them. The reply: the limits, or nothing if none were set.
local changed, before = ARGV[1] and ARGV[1] ~= conf[4], conf[4]
if changed then
	if not conf[1] then setup() end
	raise()
	conf[4] = ARGV[1]
	call('HSET', base .. 'c', 'l', conf[4])
end
