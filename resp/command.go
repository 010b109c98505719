package resp

import (
	"strings"
	"time"
)

// inlineArgs is how many arguments a Command holds without a slice. It covers
// most commands; each costs 16 bytes in every copy of any command.
const inlineArgs = 4

// Command is a command as a value: its name, its arguments, and what a client
// must know to send it. It is passed by value, which allocates nothing; it may be
// kept, sent many times and used by many goroutines, as long as the bytes it was
// made of do not change. Its methods that only look take a pointer, for it is large.
type Command struct {
	// The size is a multiple of 16 bytes, as that of redis.Cmd: the processor must
	// not wait at each copy for the stores of the one before.

	name    string
	args    [inlineArgs]Arg
	more    *Arg // the first of the arguments beyond the inline ones; see rest
	timeout time.Duration
	extra   uint32 // how many more points to
	space   uint16 // where the name is split, if it is two words; else 0
	inline  uint8  // how many of args are used
	flags   Flags
	timed   bool // timeout is set
	lent    bool // the inline argument after the last is the room; see SetRoom
}

// NewCommand returns a command. The name may consist of two words with a space
// between them, which are sent as two: "CONFIG GET". args is not kept.
//
// The command has no flags: see [FlagsOf].
func NewCommand(name string, args ...Arg) Command {
	var c Command
	c.Init(name, 0, args...)
	return c
}

// Init makes c the command NewCommand(name, args...).WithFlags(f), in place: it
// copies nothing but the arguments. c must be the zero Command.
func (c *Command) Init(name string, f Flags, args ...Arg) {
	c.name, c.flags, c.space = name, f, split(name)
	if len(args) > inlineArgs {
		c.setRest(append([]Arg(nil), args[inlineArgs:]...))
		args = args[:inlineArgs]
	}
	for i := range args { //nolint:staticcheck // copy would be a call, which takes longer
		c.args[i] = args[i]
	}
	c.inline = uint8(len(args))
}

// split returns the index of the first space in name, or 0 if there is none
// within it.
func split(name string) uint16 {
	switch {
	case len(name) < 4:
		if len(name) > 1 && name[0] != ' ' && name[1] == ' ' {
			return 1
		}
		if len(name) > 2 && name[0] != ' ' && name[2] == ' ' {
			return 2
		}
		return 0
	case len(name) <= maxWord && !hasSpace(name):
		return 0
	}
	if i := strings.IndexByte(name, ' '); i > 0 && i < 1<<16 {
		return uint16(i)
	}
	return 0
}

// With returns the command with further arguments. c itself does not change.
func (c Command) With(args ...Arg) Command {
	n := copy(c.args[c.inline:], args)
	c.inline += uint8(n)
	c.lent = c.lent && n == 0
	if len(args) > n {
		c.setRest(append(c.rest(), args[n:]...))
	}
	return c
}

// WithFlags returns the command with the flags f added.
func (c Command) WithFlags(f Flags) Command {
	c.flags |= f
	return c
}

// WithTimeout returns the command as one that may wait on the server for d, or
// for ever if d is 0, and flagged [Blocking]. It adds no argument: d is what the
// arguments say already, for the client to allow for.
func (c Command) WithTimeout(d time.Duration) Command {
	c.timeout, c.timed = d, true
	c.flags |= Blocking
	return c
}

// Name returns the name, both words of it if it has two.
func (c *Command) Name() string { return c.name }

// Flags returns the flags.
func (c *Command) Flags() Flags { return c.flags }

// Timeout returns how long the command may wait on the server; 0 is for ever. It
// reports false if that was not said.
func (c *Command) Timeout() (d time.Duration, ok bool) { return c.timeout, c.timed }

// SetRoom lends p to whoever sends the command, as room for the string that the
// reply is: a large one that fits may be read straight into it, from its start,
// and [Reply.Placed] tells so. Bytes beyond the string stay as they are, but a
// failure may leave a part of it. p must be left alone until the [Reply] is there
// and, as the arguments, is not used after that. With arguments added by With, or
// with four of them, the command has no room.
func (c *Command) SetRoom(p []byte) {
	if c.inline < inlineArgs {
		c.args[c.inline], c.lent = Bytes(p), true
	}
}

// Room returns what SetRoom has lent, or nil.
func (c *Command) Room() []byte {
	if !c.lent {
		return nil
	}
	return c.args[c.inline].view()
}

// NArgs returns the number of arguments. The words of the name are none.
func (c *Command) NArgs() int { return int(c.inline) + int(c.extra) }

// Arg returns argument i, counted from 0 after the name. It panics if there is
// none.
func (c *Command) Arg(i int) Arg {
	if i < int(c.inline) {
		return c.args[i]
	}
	return c.rest()[i-int(c.inline)]
}
