package redis

import (
	"context"
	"errors"
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
// declared, or declared but not used, is an error of every call; see [Lua.Invalid].
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

// Invalid returns what is wrong with the names of the script, or nil.
func (l *Lua[T]) Invalid() error { return l.err }

// Script returns the script with KEYS and ARGV in the place of names.
func (l *Lua[T]) Script() *Script[T] { return l.script }

// Do runs the script as [Script.Do] does. All its names must be given.
func (l *Lua[T]) Do(ctx context.Context, d Doer, keys, args Params) (T, error) {
	k, a, err := l.bind(keys, args)
	if err != nil {
		return l.script.Eval(nil).fail(err).Do(ctx, d)
	}
	return l.script.Run(ctx, d, k, a...)
}

// Queue appends the script to p as [Script.Queue] does.
func (l *Lua[T]) Queue(p *Pipeline, keys, args Params) Future[T] {
	k, a, err := l.bind(keys, args)
	if err != nil {
		return l.script.Eval(nil).fail(err).Queue(p)
	}
	return l.script.QueueArgs(p, k, a...)
}

func (l *Lua[T]) bind(keys, args Params) ([]string, []resp.Arg, error) {
	if l.err != nil {
		return nil, nil, l.err
	}
	k, err := ordered(l.keys, keys)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, len(k))
	for i, a := range k {
		names[i] = a.String()
	}
	a, err := ordered(l.args, args)
	return names, a, err
}

// ordered puts parameters in the order of their declaration.
func ordered(names []string, p Params) ([]resp.Arg, error) {
	out := make([]resp.Arg, len(names))
	for i, name := range names {
		v, ok := p[name]
		if !ok {
			return nil, fmt.Errorf("lua: %q is missing", name)
		}
		a, err := argOf(v)
		if err != nil {
			return nil, fmt.Errorf("lua: %q: %w", name, err)
		}
		out[i] = a
	}
	if len(p) > len(names) {
		return nil, errors.New("lua: a parameter that the script does not have")
	}
	return out, nil
}

// luaNames replaces names by places.
type luaNames struct {
	places map[string]string // "key" -> "KEYS[1]"
	unused map[string]bool
	err    error
}

func (n *luaNames) fail(format string, args ...any) {
	if n.err == nil {
		n.err = fmt.Errorf("lua: "+format, args...)
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
