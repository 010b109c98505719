-- limited is the end of limit: what new limits let in becomes ready. What the rates have spent stays spent, up to a burst
-- of the new ones, and gates stay shut: a change gives nobody a burst.
if changed then
	if keyEvery == 0 then call('UNLINK', base .. 'ot') end
	for _, key in ipairs(call('SMEMBERS', base .. 'o')) do admit(key) end
	if not paused then wake(call('SCARD', base .. 'w')) end
end
return conf[4] or ''
