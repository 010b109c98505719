package resp

import "time"

// Flags say what a client must know of a command to route and to repeat it.
// They are the client's own and are never sent.
type Flags uint8

const (
	// ReadOnly says that the command writes nothing: it may run on a replica
	// and may be repeated. It is what the server calls readonly.
	ReadOnly Flags = 1 << iota
	// Blocking says that the server may keep the command waiting. It needs a
	// connection of its own, and more time than the read timeout: see
	// [Command.WithTimeout].
	Blocking
	// Idempotent says that the command may be sent again when it is unknown
	// whether it has been executed: twice leaves the same state as once.
	//
	// A write gets it from its user only. By its meaning it may be right for
	// SET without options, MSET, HSET, DEL or EXPIREAT, and never is for INCR,
	// LPUSH, SPOP, GETDEL, SET with NX or GET and their like. But even a plain
	// SET that is repeated undoes what others have written since it was
	// executed, and a DEL that is repeated reports that nothing was there.
	Idempotent
	// NoRetry says that the command is meant for the server or the connection
	// that it was first sent to: a client does not send it again, not even
	// where its outcome allows that. So it is with WAIT, whose answer is about
	// the writes before it on its connection, and with SHUTDOWN.
	NoRetry
)

// FlagsOf returns the flags that the name of a command tells, of Redis up to 8,
// its modules included, and of Valkey. Case does not matter; of two words it
// needs both. A name that it does not know has none.
//
// XREAD and XREADGROUP, which block only on demand, have [Blocking]: see
// [Command.Flagged], which knows the arguments too. [Idempotent] is said of what
// asks a server about itself, such as INFO, and of no write; [NoRetry] of what
// operates a server, such as FAILOVER.
func FlagsOf(name string) Flags {
	var buf [maxName]byte
	if len(name) > len(buf) {
		return 0
	}
	return flagsOf(upper(buf[:0], name))
}

func flagsOf(name []byte) (f Flags) {
	switch {
	case readsData(name), readsModule(name):
		f = ReadOnly
	case asksServer(name):
		f = Idempotent
	}
	if mayBlock(name) {
		f |= Blocking
	}
	if onlyOnce(name) {
		f |= NoRetry
	}
	return f
}

// Flagged returns the command with the flags that its name and its arguments
// tell, and if it waits on the server, with the timeout that they tell. The name
// may be in one word and its second word the first argument: both are read as
// OBJECT ENCODING. See [FlagsOf].
func (c Command) Flagged() Command {
	var buf [maxName]byte
	if len(c.name) >= len(buf) {
		return c
	}
	name := upper(buf[:0], c.name)
	if c.space == 0 && hasSubcommands(name) {
		if sub, ok := c.subcommand(); ok && len(sub) < len(buf)-len(name) {
			name = upper(append(name, ' '), sub)
		}
	}
	f := flagsOf(name)
	if f&Blocking == 0 {
		return c.WithFlags(f)
	}
	d, timed, blocks := c.waits(string(name))
	switch {
	case !blocks:
		f &^= Blocking
	case timed:
		c = c.WithTimeout(d)
	}
	return c.WithFlags(f)
}

// waits reads from the arguments of a command that may block how long it waits,
// whether they say so, and whether it blocks at all.
func (c *Command) waits(name string) (d time.Duration, timed, blocks bool) {
	at, unit := c.waitArg(name)
	if unit == 0 {
		return 0, false, false
	}
	if at < 0 || at >= c.NArgs() {
		return 0, false, true
	}
	d, timed = duration(c.Arg(at), unit)
	return d, timed, true
}

// waitArg returns which argument of a command that may block says how long, and
// in which unit. Without a unit it does not block.
func (c *Command) waitArg(name string) (at int, unit time.Duration) {
	switch name {
	case "BLMPOP", "BZMPOP":
		return 0, time.Second
	case "BLMOVEM":
		return 4, time.Second
	case "WAIT":
		return 1, time.Millisecond
	case "WAITAOF":
		return 2, time.Millisecond
	case "XREAD", "XREADGROUP":
		if at = c.blockOption(); at < 0 {
			return 0, 0
		}
		return at, time.Millisecond
	}
	return c.NArgs() - 1, time.Second
}

// blockOption returns the index of what follows BLOCK, in front of STREAMS, or
// -1 if there is none.
func (c *Command) blockOption() int {
	i := 0
	if c.NArgs() > 0 && equal(c.Arg(0).String(), "GROUP") {
		i = 3 // names, which may be any word
	}
	for ; i < c.NArgs(); i++ {
		switch word := c.Arg(i).String(); {
		case equal(word, "BLOCK"):
			return i + 1
		case equal(word, "STREAMS"):
			return -1
		}
	}
	return -1
}

// duration reads a as a number of units. It reports false for what is none, for
// a negative one and for one beyond a duration.
func duration(a Arg, unit time.Duration) (time.Duration, bool) {
	var buf [maxNumber]byte
	text := buf[:0]
	if !a.isNumber() && a.n > uint64(len(buf)) {
		return 0, false
	}
	f, ok := parseFloat(a.AppendTo(text))
	if f *= float64(unit); !ok || !(f >= 0 && f < 1<<63) {
		return 0, false
	}
	if d := time.Duration(f); d > 0 || f == 0 {
		return d, true
	}
	return 1, true // zero would be for ever
}

// maxName is longer than any name in the tables, both words of it.
const maxName = 40

// upper appends name to dst with the letters a to z as capitals.
func upper(dst []byte, name string) []byte {
	for i := range len(name) {
		dst = append(dst, capital(name[i]))
	}
	return dst
}

func capital(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}

// equal reports whether s is the word, which is in capitals, in any case.
func equal(s, word string) bool {
	if s == word {
		return true
	}
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		if capital(s[i]) != word[i] {
			return false
		}
	}
	return true
}

// subcommand returns the second word of the command: of its name, or the first
// argument.
func (c *Command) subcommand() (string, bool) {
	switch {
	case c.space > 0:
		return c.name[c.space+1:], true
	case c.inline > 0 && !c.args[0].isNumber():
		return c.args[0].text(), true
	}
	return "", false
}
