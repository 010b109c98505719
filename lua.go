package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// Params are named keys or arguments of a [Lua] script.
type Params map[string]any

// Lua is a script whose keys and arguments have names: _:name in its text.
type Lua[T any] struct {
	script     *Script[T]
	keys, args []string // the names in their order in KEYS and ARGV
	err        error
}

// NewLua returns the script src, in which _:name stands for the key or argument
// of that name, so that nobody counts KEYS and ARGV. A name that is used but not
// declared, or declared but not used, is an error of every call; see [Lua.Err].
//
//	var swap = redis.NewLua(`
//		local old = redis.call("GET", _:key)
//		redis.call("SET", _:key, _:value)
//		return old`, []string{"key"}, []string{"value"}, redis.Text)
//
//	old, err := swap.Do(ctx, client, redis.Params{"key": "k"}, redis.Params{"value": 7})
func NewLua[T any](src string, keys, args []string, decode Decoder[T]) *Lua[T] {
	n := luaNames{places: map[string]string{}, unused: map[string]bool{}}
	for i, k := range keys {
		n.declare(k, "KEYS", i+1)
	}
	for i, a := range args {
		n.declare(a, "ARGV", i+1)
	}
	text := n.expand(src)
	for name := range n.unused {
		n.fail("%q is declared but not used", name)
	}
	return &Lua[T]{script: NewScript(text, decode), keys: keys, args: args, err: n.err}
}

// Err returns what is wrong with the names of the script, or nil.
func (l *Lua[T]) Err() error { return l.err }

// Script returns the script with KEYS and ARGV in the place of names.
func (l *Lua[T]) Script() *Script[T] { return l.script }

// Do runs the script as [Script.Do] does. All its names must be given.
func (l *Lua[T]) Do(ctx context.Context, d Doer, keys, args Params) (T, error) {
	k, a, err := l.bind(keys, args)
	if err != nil {
		var zero T
		return zero, err
	}
	return l.script.Run(ctx, d, k, a...)
}

// Queue appends the script to p as [Script.Queue] does.
func (l *Lua[T]) Queue(p *Pipeline, keys, args Params) Future[T] {
	k, a, err := l.bind(keys, args)
	if err != nil {
		return l.script.Eval(nil).check(err).Queue(p)
	}
	return l.script.QueueArgs(p, k, a...)
}

func (l *Lua[T]) bind(keys, args Params) ([]string, []resp.Arg, error) {
	if l.err != nil {
		return nil, nil, l.err
	}
	w := words{name: "EVAL"}
	w.params(l.keys, keys)
	k := make([]string, len(w.args))
	for i, a := range w.args {
		k[i] = a.String()
	}
	w.args = nil
	w.params(l.args, args)
	return k, w.args, w.err
}

func (w *words) params(names []string, p Params) {
	for _, name := range names {
		v, ok := p[name]
		if !ok {
			w.fail("lua: " + strconv.Quote(name) + " is missing")
		}
		w.any(v)
	}
	if len(p) > len(names) {
		w.fail("lua: a parameter that the script does not have")
	}
}

// luaNames replaces names by places.
type luaNames struct {
	places map[string]string // "key" -> "KEYS[1]"
	unused map[string]bool
	err    error
}

func (n *luaNames) fail(format string, args ...any) {
	if n.err == nil {
		n.err = &ArgError{"EVAL", "lua: " + fmt.Sprintf(format, args...)}
	}
}

func (n *luaNames) declare(name, table string, i int) {
	if _, ok := n.places[name]; ok {
		n.fail("%q is declared twice", name)
	}
	n.places[name] = table + "[" + strconv.Itoa(i) + "]"
	n.unused[name] = true
}

func (n *luaNames) expand(src string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(src, "_:")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name := n.longest(after)
		if name == "" {
			n.fail("_:%s is not declared", firstWord(after))
		}
		out.WriteString(n.places[name])
		delete(n.unused, name)
		src = after[len(name):]
	}
}

// longest returns the longest declared name that s begins with, as a whole word:
// names may hold signs that Lua takes for operators, as in carmine.
func (n *luaNames) longest(s string) (found string) {
	for name := range n.places {
		whole := len(name) == len(s) || strings.HasPrefix(s, name) && !wordByte(s[len(name)])
		if whole && strings.HasPrefix(s, name) && len(name) > len(found) {
			found = name
		}
	}
	return found
}

func firstWord(s string) string {
	for i := range len(s) {
		if !wordByte(s[i]) {
			return s[:i]
		}
	}
	return s
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}
