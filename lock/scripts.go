package lock

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// The state of a lock, all of it in three keys that share a slot:
//
//	lk:{name}    string, with the ttl: id of the holder, line break, its text
//	lk:{name}:f  string: the last fence, a bar, id of the last who has released
//	lk:{name}:q  sorted set: ids of waiters by the time they came
//
// An id is the channel of a process, a bar, and a number; in front of the number
// is a p if the waiter polls and is not to be pushed to.

// fenceKept is how long the last fence of a name is kept, in milliseconds. It may
// go: the clock is ahead of it by then.
const fenceKept = "604800000"

// queueKept is how long a queue lives that nobody looks at, in milliseconds.
const queueKept = "3600000"

// prelude has what the scripts share. Numbers beyond 2^31 must be formatted: Lua
// writes 1.764e+15.
const prelude = `
local k, f, q = KEYS[1], KEYS[2], KEYS[3]
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
local function id_of(v) return v and string.match(v, '^[^\n]*') end
local function fence()
  local v = redis.call('GET', f)
  if not v then return 0, '' end
  local n, m = string.match(v, '^(%d+)|?(.*)$')
  return tonumber(n or '0'), m or ''
end
local function keep(n, m)
  redis.call('SET', f, string.format('%.0f', n) .. '|' .. m, 'PX', ` + fenceKept + `)
end
local function give(id, note, ttl, left)
  local n, m = fence()
  n = math.max(n + 1, now())
  keep(n, left or m)
  redis.call('SET', k, id .. '\n' .. note, 'PX', ttl)
  return n
end
local function reach(id)
  local channel, seq = string.match(id, '^(.*)|([^|]*)$')
  if not channel then return false end
  if string.sub(seq, 1, 1) == 'p' then return true end
  local r = redis.pcall('PUBLISH', channel, seq .. '|' .. k)
  return type(r) == 'table' or r > 0
end
`

// freed gives a lock that is free to the longest waiter that can be reached, or
// only wakes that one up where barging is on. It returns whom the lock was given to.
const freed = `
local function freed(me, grant, barging, left)
  while true do
    local head
    if barging then
      head = redis.call('ZRANGE', q, 0, 0)[1]
    else
      head = redis.call('ZPOPMIN', q)[1]
    end
    if not head or head == me then return false end
    local there = reach(head)
    if barging then
      if there then return false end
      redis.call('ZREM', q, head)
    elseif there then
      give(head, '', grant, left)
      return head
    end
  end
end
`

// acquireScript: ARGV id, text, ttl, grant, wait, barging, since. It may be run
// again by the same id: that is how a grant is taken and a lost reply made good.
const acquireScript = prelude + freed + `
local me, note, ttl, grant = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local wait, barging, since = ARGV[5] == '1', ARGV[6] == '1', tonumber(ARGV[7])
local holder = id_of(redis.call('GET', k))
if holder == me then
  redis.call('SET', k, me .. '\n' .. note, 'PX', ttl)
  return {1, (fence()), 0, 0}
end
if not holder then
  if barging then redis.call('ZREM', q, me) end
  if barging or not freed(me, grant, false) then
    return {1, give(me, note, ttl), 0, 0}
  end
end
local rank = -1
if wait then
  local at = since
  if at == 0 then at = now() end
  local added = redis.call('ZADD', q, 'NX', string.format('%.0f', at), me)
  if added == 0 and since == 0 then at = tonumber(redis.call('ZSCORE', q, me)) end
  since = at
  rank = redis.call('ZRANK', q, me)
  if rank == 0 or at % 16 == 0 then redis.call('PEXPIRE', q, ` + queueKept + `) end
end
return {0, redis.call('PTTL', k), rank, since}
`

// releaseScript: ARGV id, grant, barging. It answers whether id had the lock, and to
// whom it was given. It also takes a waiter out of the queue.
// DEL comes first: a server out of memory accepts what follows it.
const releaseScript = prelude + freed + `
local me, grant, barging = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local holder = id_of(redis.call('GET', k))
if holder ~= me then
  redis.call('ZREM', q, me)
  local to = not holder and freed(me, grant, barging)
  local _, m = fence()
  return {m == me and 1 or 0, to or ''}
end
redis.call('DEL', k)
local to = freed(me, grant, barging, me)
if not to then
  local n = fence()
  keep(n, me)
end
return {1, to or ''}
`

// followScript: ARGV id, grant, barging. A lock that was given to id, and not taken
// yet, is pushed to it once more, and given to the next one if its process is gone: a
// server takes a moment to notice that.
const followScript = prelude + freed + `
local id, grant, barging = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
if redis.call('GET', k) ~= id .. '\n' or reach(id) then return {0, ''} end
redis.call('DEL', k)
return {1, freed('', grant, barging) or ''}
`

// renewScript: KEYS lock and fence of each; ARGV id, text, ttl, fence of each. A
// lock that is gone is set again if nobody has had it since, and if its holder has
// not released it: a renewal may arrive late.
const renewScript = `
local out = {}
for i = 1, #KEYS / 2 do
  local k, f = KEYS[2 * i - 1], KEYS[2 * i]
  local me, note, ttl, mine = ARGV[4 * i - 3], ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i]
  local v = redis.call('GET', k)
  if v and string.match(v, '^[^\n]*') == me then
    redis.call('PEXPIRE', k, ttl)
    out[i] = 1
  else
    local n, m = string.match(redis.call('GET', f) or '0|', '^(%d+)|?(.*)$')
    if not v and tonumber(n) <= tonumber(mine) and m ~= me then
      redis.call('SET', f, mine .. '|' .. m, 'PX', ` + fenceKept + `)
      redis.call('SET', k, me .. '\n' .. note, 'PX', ttl)
      out[i] = 2
    else
      out[i] = 0
    end
  end
end
return out
`

// forceScript: ARGV fence or 0 for any, grant, barging.
const forceScript = prelude + freed + `
local want, grant, barging = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local held = redis.call('EXISTS', k) == 1
local n, m = fence()
if want ~= 0 and (not held or n ~= want) then return {0, ''} end
redis.call('DEL', k)
keep(math.max(n + 1, now()), m)
return {held and 1 or 0, freed('', grant, barging) or ''}
`

// inspectScript answers value, ttl, fence, waiters and since when the first waits.
const inspectScript = `
local head = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
local t = redis.call('TIME')
local waited = 0
if head[2] then waited = t[1] * 1000000 + t[2] - tonumber(head[2]) end
return {redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2]) or '',
  redis.call('ZCARD', KEYS[3]), waited}
`

// scripts are those of a Locker.
type scripts struct {
	acquire                         *redis.Script[answer]
	release, follow, force, forceAt *redis.Script[released]
	renew                           *redis.Script[[]int64]
	inspect                         *redis.Script[Info]
}

func newScripts() scripts {
	force := redis.NewScript(forceScript, decodeReleased)
	return scripts{
		acquire: redis.NewScript(acquireScript, decodeAnswer).Idempotent(),
		release: redis.NewScript(releaseScript, decodeReleased).Idempotent(),
		follow:  redis.NewScript(followScript, decodeReleased).Idempotent(),
		renew:   redis.NewScript(renewScript, decodeInts).Idempotent(),
		// Run again it would take the lock from the next holder, unless a fence says
		// whom it is meant for.
		force:   force,
		forceAt: force.Idempotent(),
		inspect: redis.NewScript(inspectScript, decodeInfo).Idempotent(),
	}
}

// answer is what acquire says.
type answer struct {
	got      bool
	fence    int64         // of the acquisition
	left     time.Duration // ttl of another's
	rank     int64         // in the queue, from 0; -1 if not in it
	since    int64         // server time in microseconds at which the waiter came
	asked    time.Time     // before the question was sent
	replicas int64         // that have it
}

func decodeAnswer(v resp.Value) (a answer, err error) {
	n, err := decodeInts(v)
	if err != nil || len(n) != 4 {
		return a, misfit("four integers", v, err)
	}
	if n[0] == 1 {
		return answer{got: true, fence: n[1]}, nil
	}
	return answer{left: time.Duration(n[1]) * time.Millisecond, rank: n[2], since: n[3]}, nil
}

// released is what release says: whether the lock was held, and who has it now.
type released struct {
	done bool
	to   string // id; empty for nobody
}

func decodeReleased(v resp.Value) (r released, err error) {
	c := v.Cursor()
	done, ok := c.NextInt()
	to, also := c.NextBulk()
	if !ok || !also {
		return r, misfit("an integer and a string", v, c.Err())
	}
	return released{done == 1, string(to)}, nil
}

func decodeInts(v resp.Value) ([]int64, error) {
	var out []int64
	for e := range v.Elems() {
		n, err := e.Int()
		if err != nil {
			return nil, misfit("integers", v, err)
		}
		out = append(out, n)
	}
	return out, v.Err()
}

func decodeInfo(v resp.Value) (i Info, err error) {
	var parts []resp.Value
	for e := range v.Elems() {
		parts = append(parts, e)
	}
	if len(parts) != 5 {
		return i, misfit("five elements", v, nil)
	}
	value, err := redis.Text(parts[0])
	if err != nil {
		return i, err
	}
	fence, err := redis.Text(parts[2])
	if err != nil {
		return i, err
	}
	var n [3]int64
	for at, p := range []resp.Value{parts[1], parts[3], parts[4]} {
		if n[at], err = p.Int(); err != nil {
			return i, misfit("integers", v, err)
		}
	}
	i.fill(value, fence)
	i.TTL = max(0, time.Duration(n[0])*time.Millisecond)
	i.Waiters, i.LongestWait = int(n[1]), time.Duration(n[2])*time.Microsecond
	return i, nil
}

func misfit(want string, v resp.Value, err error) error {
	return &redis.DecodeError{Want: want, Got: v.Kind(), Err: err}
}

// durably runs a script and waits until n replicas have what it wrote. It returns
// how many have.
func durably[T any](ctx context.Context, d redis.Doer, s *redis.Script[T], keys []string, args []resp.Arg, n int, wait time.Duration) (v T, replicas int64, err error) {
	v, replicas, err = waitFor(ctx, d, s.EvalSha(keys, args...), n, wait)
	if errors.Is(err, redis.ErrNoScript) {
		return waitFor(ctx, d, s.Eval(keys, args...), n, wait)
	}
	return v, replicas, err
}

func waitFor[T any](ctx context.Context, d redis.Doer, cmd redis.Cmd[T], n int, wait time.Duration) (v T, replicas int64, err error) {
	var p redis.Pipeline
	said, have := cmd.Queue(&p), redis.Wait(n, max(wait, time.Millisecond)).Queue(&p)
	if err = p.Do(ctx, d); err != nil {
		return v, 0, err
	}
	if v, err = said.Value(); err != nil {
		return v, 0, err
	}
	replicas, err = have.Value()
	return v, replicas, err
}

// keys are those of a lock: holder, fence, queue.
func (c *core) keys(name string) []string {
	var b strings.Builder
	b.WriteString(c.prefix)
	b.WriteByte('{')
	b.WriteString(name)
	b.WriteByte('}')
	k := b.String()
	return []string{k, k + ":f", k + ":q"}
}

func flag(on bool) resp.Arg {
	if on {
		return resp.Int(1)
	}
	return resp.Int(0)
}

func millis(d time.Duration) resp.Arg { return resp.Int(d.Milliseconds()) }
