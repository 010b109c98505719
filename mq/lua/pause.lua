-- pause stops claims, or lets them go on. ARGV: for how many ms; -1 for ever, 0 not any more.
local ms = tonumber(ARGV[1])
if not conf[1] then setup() end
if ms == 0 then
	call('HDEL', base .. 'c', 'p')
	wake(call('SCARD', base .. 'w'))
else
	call('HSET', base .. 'c', 'p', ms < 0 and -1 or now + ms)
end
return 1
