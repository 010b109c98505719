package lock

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// family are the scripts of a kind of lock.
type family struct {
	acquire                         *redis.Script[answer]
	release, follow, force, forceAt *redis.Script[released]
	renew                           *redis.Script[[]int64]
	inspect                         *redis.Script[Info]
}

// scripts are those of a Locker.
type scripts struct{ single, shared family }

func newScripts() scripts { return scripts{newFamily(singleLua), newFamily(sharedLua)} }

func newFamily(state string) family {
	head := recordLua + state
	all := head + queueLua
	force := redis.NewScript(all+forceLua, decodeReleased)
	return family{
		acquire: redis.NewScript(all+acquireLua, decodeAnswer).Idempotent(),
		release: redis.NewScript(all+releaseLua, decodeReleased).Idempotent(),
		follow:  redis.NewScript(all+followLua, decodeReleased).Idempotent(),
		renew:   redis.NewScript(head+renewLua, decodeInts).Idempotent(),
		// Run again it would take the lock from the next holder, unless a fence says
		// whom it is meant for.
		force:   force,
		forceAt: force.Idempotent(),
		inspect: redis.NewScript(head+inspectLua, decodeInfo).Idempotent(),
	}
}

func (s *scripts) of(k kind) *family {
	if k == single {
		return &s.single
	}
	return &s.shared
}

// answer is what acquire says.
type answer struct {
	got      bool
	fence    int64         // of the acquisition
	lapsed   bool          // a holder before this one has vanished, less than a ttl ago
	permit   int64         // its number
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
		return answer{got: true, fence: n[1], lapsed: n[2] == 1, permit: n[3]}, nil
	}
	return answer{left: time.Duration(n[1]) * time.Millisecond, rank: n[2], since: n[3]}, nil
}

// released is what release says: whether the locks were held, and who has them now.
type released struct {
	done bool
	to   []given
}

// given says that one lock of several, by its place among them, was given to a waiter.
type given struct {
	lock int
	id   string
}

func decodeReleased(v resp.Value) (r released, err error) {
	c := v.Cursor()
	done, ok := c.NextInt()
	for r.done = done == 1; ok && c.Left() != 0; {
		var at int64
		var id []byte
		if at, ok = c.NextInt(); ok {
			id, ok = c.NextBulk()
		}
		r.to = append(r.to, given{int(at) - 1, string(id)})
	}
	if !ok {
		return released{}, misfit("an integer, and pairs of an integer and a string", v, c.Err())
	}
	return r, nil
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
	c := v.Cursor()
	fence, ok := c.NextInt()
	waiters, ok2 := c.NextInt()
	waited, ok3 := c.NextInt()
	i = Info{Fence: fence, Waiters: int(waiters), LongestWait: time.Duration(waited) * time.Microsecond}
	for ok = ok && ok2 && ok3; ok && c.Left() != 0; {
		var h Holder
		if h, ok = nextHolder(&c); ok {
			i.Holders = append(i.Holders, h)
		}
	}
	if !ok {
		return Info{}, misfit("three integers and four elements for each holder", v, c.Err())
	}
	if len(i.Holders) > 0 {
		h := i.Holders[0]
		i.Held, i.ID, i.Owner, i.TTL = true, h.ID, h.Owner, h.TTL
	}
	return i, nil
}

// nextHolder reads id, what is left of the lease, permit, and fence with text.
func nextHolder(c *resp.Cursor) (h Holder, ok bool) {
	id, ok := c.NextBulk()
	h.ID = string(id)
	left, ok2 := c.NextInt()
	permit, ok3 := c.NextInt()
	text, ok4 := c.NextBulk()
	digits, owner, _ := strings.Cut(string(text), "\n")
	h.TTL, h.Permit, h.Owner = max(0, time.Duration(left)*time.Millisecond), int(permit), owner
	h.Fence, _ = strconv.ParseInt(digits, 10, 64)
	seq := h.ID[strings.LastIndexByte(h.ID, '|')+1:]
	h.Writer = strings.HasPrefix(strings.TrimPrefix(seq, "p"), "w")
	return h, ok && ok2 && ok3 && ok4
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

func flag(on bool) resp.Arg {
	if on {
		return resp.Int(1)
	}
	return resp.Int(0)
}

func millis(d time.Duration) resp.Arg { return resp.Int(d.Milliseconds()) }
