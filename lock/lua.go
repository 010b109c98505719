package lock

// What is kept of a lock, all of it in keys that share a slot. Of one that has one
// holder at a time:
//
//	lk:{name}    string, with the ttl: id of the holder, line break, its text
//	lk:{name}:f  string: the last fence, a bar, id of the last who has released; in
//	             further lines id of the last whom it was given to, and when it was
//	             last found that a holder had vanished
//	lk:{name}:q  sorted set: ids of waiters by the time they came
//
// Of one that many share, a semaphore (lk:s:{name}) or a lock of readers and writers
// (lk:rw:{name}):
//
//	...{name}    sorted set: ids of the holders by when their leases end
//	...{name}:f  as above; behind the bar the last fence that was given out
//	...{name}:q  as above
//	...{name}:p  sorted set: ids of the holders by the numbers of their permits
//	...{name}:h  hash: of each holder its fence, a line break, its text
//	...{name}:d  sorted set: ids of those who have released, for a minute
//
// An id is the channel of a process, a bar, and a number; in front of the number
// is a p if the waiter polls and is not to be pushed to, then r or w for a reader or
// a writer.

// fenceKept is how long the last fence of a name is kept, in milliseconds. It may
// go: the clock is ahead of it by then.
const fenceKept = "604800000"

// queueKept is how long a queue lives that nobody looks at, in milliseconds.
const queueKept = "3600000"

// lapseKept is for how long, beside a ttl, it is told that a holder has vanished, in
// microseconds.
const lapseKept = "60000000"

// goneKept is for how long it is known who has released a permit, in milliseconds.
const goneKept = "60000"

// recordLua is what all locks keep beside their holders. Numbers beyond 2^31 must be
// formatted: Lua writes 1.764e+15. What a script locks is chosen by use; cap is its
// kind: see type kind.
const recordLua = `
local k, f, q, cap, clock
local mark = 0
local function now()
  if not clock then
    local t = redis.call('TIME')
    clock = t[1] * 1000000 + t[2]
  end
  return clock
end
local function whole(n) return string.format('%.0f', n) end
local function fence()
  local v = redis.call('GET', f)
  local n, m, g, at = string.match(v or '', '^(%d+)|?([^\n]*)\n?([^\n]*)\n?(%d*)')
  mark = tonumber(at or '0') or 0
  return tonumber(n or '0'), m or '', g or '', mark
end
local function keep(n, m, g, at)
  mark = at
  redis.call('SET', f, whole(n) .. '|' .. m .. '\n' .. g .. '\n' .. whole(at), 'PX', ` + fenceKept + `)
end
`

// singleLua is the state of a lock that one holder has at a time.
const singleLua = `
local span, v = 3, false
local function use(i)
  k, f, q = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  v = redis.call('GET', k)
end
local function holds(id) return v and string.match(v, '^[^\n]*') == id end
local function taken(id) return v ~= id .. '\n' end
local function room() return not v end
local function fence_of() return (fence()) end
local function permit() return 0 end
local function left() return redis.call('PTTL', k) end
local function put(id, note, ttl)
  v = id .. '\n' .. note
  redis.call('SET', k, v, 'PX', ttl)
end
local function prolong(id, ttl) redis.call('PEXPIRE', k, ttl) end
local function drop()
  redis.call('DEL', k)
  v = false
end
local function first()
  if v then return nil, false end
  local head = redis.call('ZPOPMIN', q)[1]
  return head, not head
end
local function spare() return true end
local function noted(n, m) return m end
local function released(id)
  local n, _, g, at = fence()
  keep(n, id, g, at)
end
local function gone(id)
  local _, m = fence()
  return m == id
end
local function since(mine) return fence() > mine end
local function vanished(id, m, g) return g ~= '' and g ~= m and g ~= id end
local function expel(want, n)
  if not v or want ~= 0 and n ~= want then return 0 end
  drop()
  return 1
end
local function holders()
  if not v then return {} end
  local id, note = string.match(v, '^([^\n]*)\n?(.*)$')
  return {id, left(), 0, whole(fence()) .. '\n' .. note}
end
`

// sharedLua is the state of a lock that several holders have at a time: cap of them,
// or any number of readers if cap is zero.
const sharedLua = `
local span = 6
local p, h, d, count, writer
local function writes(id) return string.find(id, '|p?w%d+$') ~= nil end
local function millis() return math.floor(now() / 1000) end
local function remove(id)
  redis.call('ZREM', k, id)
  redis.call('HDEL', h, id)
  if cap > 0 then redis.call('ZREM', p, id) end
end
local function use(i)
  local b = 6 * i - 5
  k, f, q, p, h, d = KEYS[b], KEYS[b + 1], KEYS[b + 2], KEYS[b + 3], KEYS[b + 4], KEYS[b + 5]
  local ended = redis.call('ZRANGEBYSCORE', k, '-inf', millis())
  for _, id in ipairs(ended) do remove(id) end
  if ended[1] then
    local n, m, g = fence()
    keep(n, m, g, now())
  end
  count = redis.call('ZCARD', k)
  if count == 0 then redis.call('DEL', p, h) end
  writer = cap == 0 and count == 1 and writes(redis.call('ZRANGE', k, 0, 0)[1])
end
local function holds(id) return redis.call('ZSCORE', k, id) end
local function taken(id) return not string.find(redis.call('HGET', h, id) or '', '\n$') end
local function room(id)
  if cap > 0 then return count < cap end
  if writes(id) then return count == 0 end
  return not writer
end
local function fence_of(id) return tonumber(string.match(redis.call('HGET', h, id) or '', '^%d+') or '0') end
local function permit(id) return cap > 0 and tonumber(redis.call('ZSCORE', p, id)) or 0 end
local function left()
  local next = redis.call('ZRANGE', k, 0, 0, 'WITHSCORES')[2]
  return next and next - millis() or -1
end
-- the lowest number that no holder has: numbers differ, so that the one at a rank is
-- the rank or more
local function lowest()
  local low, high = 0, redis.call('ZCARD', p)
  while low < high do
    local mid = math.floor((low + high) / 2)
    if tonumber(redis.call('ZRANGE', p, mid, mid, 'WITHSCORES')[2]) > mid then high = mid else low = mid + 1 end
  end
  return low
end
local function prolong(id, ttl)
  redis.call('ZADD', k, whole(millis() + ttl), id)
  local life = whole(math.max(ttl, ` + fenceKept + `))
  redis.call('PEXPIRE', k, life)
  redis.call('PEXPIRE', h, life)
  if cap > 0 then redis.call('PEXPIRE', p, life) end
end
local function put(id, note, ttl, n, number)
  if not holds(id) then
    count, writer = count + 1, cap == 0 and writes(id)
    if cap > 0 then redis.call('ZADD', p, number or lowest(), id) end
  end
  redis.call('HSET', h, id, whole(n) .. '\n' .. note)
  prolong(id, ttl)
end
local function drop(id)
  remove(id)
  count, writer = count - 1, false
  redis.call('ZADD', d, whole(millis() + ` + goneKept + `), id)
  redis.call('ZREMRANGEBYSCORE', d, '-inf', millis())
  redis.call('PEXPIRE', d, ` + goneKept + `)
end
local function first()
  local head = redis.call('ZRANGE', q, 0, 0)[1]
  if not head or not room(head) then return nil, not head end
  redis.call('ZREM', q, head)
  return head, false
end
local function spare(number) return cap == 0 or redis.call('ZCOUNT', p, number, number) == 0 end
local function noted(n) return whole(n) end
local function released() end
local function gone(id) return redis.call('ZSCORE', d, id) end
local function since(mine)
  local _, m = fence()
  return (tonumber(m) or 0) > mine
end
local function vanished() return false end
local function expel(want)
  local out = 0
  for _, id in ipairs(redis.call('ZRANGE', k, 0, -1)) do
    if want == 0 or fence_of(id) == want then
      remove(id)
      out, count, writer = out + 1, count - 1, false
    end
  end
  return out
end
local function holders()
  local out, all = {}, redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local id = all[i]
    for _, x in ipairs({id, all[i + 1] - millis(), permit(id), redis.call('HGET', h, id)}) do table.insert(out, x) end
  end
  return out
end
`

// queueLua gives what is free to those who wait. reach reports whether a waiter hears
// of it. freed gives what is free to the longest waiters that can be reached, or only
// wakes the first one up where barging is on. It returns to whom it was given, and
// whether me is next or nobody waits.
const queueLua = `
local function give(id, note, ttl, left, exact)
  local n, m, g, at = fence()
  n, m = exact or math.max(n + 1, now()), left or m
  if vanished(id, m, g) then at = now() end
  keep(n, noted(n, m), id, at)
  put(id, note, ttl, n)
  return n
end
local function reach(id)
  local channel, seq = string.match(id, '^(.*)|([^|]*)$')
  if not channel then return false end
  if string.sub(seq, 1, 1) == 'p' then return true end
  local r = redis.pcall('PUBLISH', channel, seq .. '|' .. whole(cap) .. '|' .. k)
  return type(r) == 'table' or r > 0
end
local function wake(me)
  while room() do
    local head = redis.call('ZRANGE', q, 0, 0)[1]
    if not head or head == me or reach(head) then return end
    redis.call('ZREM', q, head)
  end
end
local function freed(me, grant, barging, left)
  local to = {}
  if barging then
    wake(me)
    return to, true
  end
  while true do
    local head, nobody = first()
    if not head or head == me then return to, nobody or head == me end
    if reach(head) then
      give(head, '', grant, left)
      table.insert(to, head)
    end
  end
end
local function report(out, i, to)
  for _, id in ipairs(to) do
    table.insert(out, i)
    table.insert(out, id)
  end
end
`

// acquireLua: ARGV id, text, ttl, grant, wait, barging, since, kind. It may be run
// again by the same id: that is how a grant is taken and a lost reply made good. Of
// several locks all are taken or none. Those that are free while others are not are
// kept for the waiter, as a grant is, unless somebody waits there who came earlier.
const acquireLua = `
local me, note, ttl, grant = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local wait, barging, came = ARGV[5] == '1', ARGV[6] == '1', tonumber(ARGV[7])
cap = tonumber(ARGV[8])
local n, free, blocked, same, top, lapse = #KEYS / span, {}, false, true, 0, 0
for i = 1, n do
  use(i)
  if holds(me) then
    local own = fence_of(me)
    if own == 0 or top ~= 0 and own ~= top then same = false end
    top = math.max(top, own)
  else
    local _, mine
    if barging then mine = true else _, mine = freed(me, grant, false) end
    free[i], same = mine and room(me), false
    blocked = blocked or not free[i]
  end
end
if not blocked then
  local exact = same and top
  if n > 1 and not same then
    for i = 1, n do
      use(i)
      top = math.max(top, (fence()))
    end
    exact = math.max(top + 1, now())
  end
  for i = 1, n do
    if n > 1 then use(i) end
    if barging then redis.call('ZREM', q, me) end
    if same then
      if n > 1 or span > 3 then fence() end
      put(me, note, ttl, top)
    else
      top = give(me, note, ttl, nil, exact)
    end
    lapse = math.max(lapse, mark)
  end
  return {1, top, lapse > 0 and now() - lapse < ttl * 1000 + ` + lapseKept + ` and 1 or 0, permit(me)}
end
local least, rank = -1, -1
if not wait then return {0, least, rank, came} end
local at = came
if at == 0 then at = now() end
local function queue()
  local added = redis.call('ZADD', q, 'NX', whole(at), me)
  if added == 0 and came == 0 then at = tonumber(redis.call('ZSCORE', q, me)) end
  local r, l = redis.call('ZRANK', q, me), left()
  if r == 0 or at % 16 == 0 then redis.call('PEXPIRE', q, ` + queueKept + `) end
  if rank < 0 or l >= 0 and l < least then least, rank = l, r end
end
for i = 1, n do
  if n > 1 then use(i) end
  if free[i] then
    if not barging then give(me, '', grant) end
  elseif holds(me) then
    local head = redis.call('ZRANGE', q, 0, 0, 'WITHSCORES')
    local score = tonumber(head[2])
    if score and (score < at or score == at and head[1] < me) then
      drop(me)
      freed('', grant, barging, me)
      queue()
    else
      prolong(me, grant)
    end
  else
    queue()
  end
end
return {0, least, rank, at}
`

// releaseLua: ARGV grant, barging, kind, id. It answers whether id had the locks, and
// to whom they were given. It also takes a waiter out of the queues. What deletes
// comes first: a server out of memory accepts what follows it.
const releaseLua = `
local grant, barging, me = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[4]
cap = tonumber(ARGV[3])
local out = {1}
for i = 1, #KEYS / span do
  use(i)
  local to
  if holds(me) then
    drop(me)
    to = freed('', grant, barging, me)
    if not to[1] then released(me) end
  else
    redis.call('ZREM', q, me)
    to = freed('', grant, barging)
    if not gone(me) then out[1] = 0 end
  end
  report(out, i, to)
end
return out
`

// followLua: ARGV grant, barging, kind, ids. A lock that was given to one of them, and
// not taken yet, is pushed to it once more, and given to the next one if its process is
// gone: a server takes a moment to notice that.
const followLua = `
local grant, barging, out = tonumber(ARGV[1]), ARGV[2] == '1', {0}
cap = tonumber(ARGV[3])
use(1)
for i = 4, #ARGV do
  local id = ARGV[i]
  if holds(id) and not taken(id) and not reach(id) then
    drop(id)
    out[1] = 1
  end
end
if out[1] == 1 then report(out, 1, (freed('', grant, barging))) end
return out
`

// renewLua: ARGV id, text, ttl, fence, kind and number of the permit of each lock. A lock that is gone is
// set again if nobody has had it since, and if its holder has not released it: a
// renewal may arrive late.
const renewLua = `
local out = {}
for i = 1, #KEYS / span do
  local a = 6 * i - 5
  local me, note, ttl, mine = ARGV[a], ARGV[a + 1], tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local number = tonumber(ARGV[a + 5])
  cap = tonumber(ARGV[a + 4])
  use(i)
  if holds(me) then
    prolong(me, ttl)
    out[i] = 1
  elseif room(me) and spare(number) and not since(mine) and not gone(me) then
    local n, m, g, at = fence()
    keep(math.max(n, mine), m, me, at)
    put(me, note, ttl, mine, number)
    out[i] = 2
  else
    out[i] = 0
  end
end
return out
`

// forceLua: ARGV grant, barging, kind, fence or 0 for any.
const forceLua = `
local grant, barging, want = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[4])
cap = tonumber(ARGV[3])
use(1)
local n, m, g, at = fence()
local had = expel(want, n)
if had == 0 and want ~= 0 then return {0} end
n = math.max(n + 1, now())
keep(n, noted(n, m), g, at)
local out = {had > 0 and 1 or 0}
report(out, 1, (freed('', grant, barging)))
return out
`

// inspectLua: ARGV kind. It answers the last fence, how many wait, since when the
// first of them does, and of each holder id, what is left of its lease, number of its
// permit, and its fence with its text.
const inspectLua = `
cap = tonumber(ARGV[1])
use(1)
local head, waited = redis.call('ZRANGE', q, 0, 0, 'WITHSCORES')[2], 0
if head then waited = now() - tonumber(head) end
local out = {(fence()), redis.call('ZCARD', q), waited}
for _, x in ipairs(holders()) do table.insert(out, x) end
return out
`
