package lock

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// kind is what may be held at once of a name: one lock, one writer or any number of
// readers, or, if it is greater, that many permits.
type kind int64

const (
	single           kind = -1
	readersAndWriter kind = 0
)

// Between the prefix and the name stands what kind of lock it is.
const (
	semaphoreInfix = "s:"
	rwInfix        = "rw:"
)

func (k kind) infix() string {
	switch {
	case k == single:
		return ""
	case k == readersAndWriter:
		return rwInfix
	}
	return semaphoreInfix
}

// suffixes are those of the keys of one lock: see lua.go.
func (k kind) suffixes() []string {
	if k == single {
		return []string{"", ":f", ":q"}
	}
	return []string{"", ":f", ":q", ":p", ":h", ":d"}
}

func (k kind) arg() resp.Arg { return resp.Int(int64(k)) }

// target is what an acquisition is of: one lock, or several of the same kind.
type target struct {
	kind   kind
	name   string   // for people
	keys   []string // of one lock after the other
	letter string   // r for a reader, w for a writer
}

// wanted is what somebody asks for.
type wanted struct {
	kind   kind
	count  bool // kind is a number of permits
	letter string
	names  []string
}

// one is the lock called name.
func one(name string) wanted { return wanted{kind: single, names: []string{name}} }

// find returns what is wanted, or why nothing can be done with it under the terms.
func (l *Locker) find(ctx context.Context, what wanted) (target, error) {
	if len(what.names) == 0 || len(what.names) > MaxAll {
		return target{}, fmt.Errorf("%w, not %d", ErrNames, len(what.names))
	}
	for _, name := range what.names {
		if err := l.check(ctx, name); err != nil {
			return target{}, err
		}
	}
	if what.count && what.kind < 1 {
		return target{}, about(what.names[0], fmt.Errorf("%w, not %d", ErrPermits, what.kind))
	}
	t := l.core.target(what.kind, what.letter, what.names...)
	if l.core.sameSlot && !oneSlot(t.keys) {
		return target{}, about(t.name, ErrSlot)
	}
	return t, nil
}

// oneSlot reports whether a server in cluster mode has the keys in one slot whatever
// they are: it hashes what is between the first brace and the next one that closes.
func oneSlot(keys []string) bool {
	for _, k := range keys[1:] {
		if hashed(k) != hashed(keys[0]) {
			return false
		}
	}
	return true
}

// hashed returns the part of a key that chooses its slot.
func hashed(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	if tag, _, closed := strings.Cut(rest, "}"); closed && tag != "" {
		return tag
	}
	return key
}

// target returns what is called so.
func (c *core) target(k kind, letter string, names ...string) target {
	t := target{kind: k, name: strings.Join(names, ", "), letter: letter}
	for _, name := range names {
		t = t.with(c.prefix + k.infix() + "{" + name + "}")
	}
	return t
}

// with adds the lock with this first key.
func (t target) with(key string) target {
	for _, s := range t.kind.suffixes() {
		t.keys = append(t.keys, key+s)
	}
	return t
}

// locks is how many they are.
func (t target) locks() int { return len(t.keys) / len(t.kind.suffixes()) }

// at returns one lock of several, by its place.
func (t target) at(i int) target {
	n := len(t.kind.suffixes())
	t.keys = t.keys[i*n : (i+1)*n : (i+1)*n]
	return t
}

// grantTo reads a message that tells of a grant: to which waiter of this process, and
// of what.
func (c *core) grantTo(message string) (seq string, t target, ok bool) {
	seq, rest, _ := strings.Cut(message, "|")
	digits, key, _ := strings.Cut(rest, "|")
	n, err := strconv.ParseInt(digits, 10, 64)
	t.kind = kind(n)
	if err != nil || n < int64(single) || seq == "" || !strings.HasPrefix(key, c.prefix+t.kind.infix()+"{") {
		return "", target{}, false
	}
	return seq, t.with(key), true
}
