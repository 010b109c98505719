-- limited is the end of limit: what the new limits let in becomes ready.
if ARGV[1] then
	call('UNLINK', base .. 'ot')
	call('HDEL', base .. 'c', 'b')
	for _, key in ipairs(call('SMEMBERS', base .. 'o')) do admit(key) end
	if not paused then wake(call('SCARD', base .. 'w')) end
end
return conf[4] or ''
