-- schedule enqueues the message of a tick of a periodic job, once, whoever asks. What follows is the script of enqueue,
-- whose arguments these are, but that the second is the tick in ms, a space, and the name of the job; tick 0 asks.
-- If nothing is enqueued, the reply is: k and the last tick that was; e and for how many ms the tick has not come yet;
-- F: the queue is full.
do
	local tick, job = string.match(ARGV[2], '^(%d+) (.*)$')
	tick = tonumber(tick)
	local last = tonumber(call('HGET', base .. 'k', job) or 0)
	local most = tonumber(ARGV[3])
	if tick <= last and last > 0 then
		call('HSET', base .. 'k', job, string.format('%.0f', last)) -- so that WAIT has something to wait for
		return 'k' .. string.format('%.0f', last)
	end
	if tick > now then return 'e' .. string.format('%.0f', tick - now) end
	if tick > 0 and most > 0 and call('HLEN', base .. 'm') > most then return 'F' end
	if not conf[1] then setup() end
	if tick == 0 then -- a new job has missed nothing
		call('HSET', base .. 'k', job, string.format('%.0f', now))
		return 'k' .. string.format('%.0f', now)
	end
	call('HSET', base .. 'k', job, string.format('%.0f', tick))
end
