package resp

import (
	"strconv"
	"strings"
	"time"
)

type Command struct {
	name    string
	flags   Flags
	n       uint8
	timed   bool
	args    [4]Arg
	more    []Arg
	timeout time.Duration
}

func NewCommand(name string, args ...Arg) Command {
	c := Command{name: name}
	c.n = uint8(copy(c.args[:], args))
	if len(args) > 4 {
		c.more = append([]Arg(nil), args[4:]...)
	}
	return c
}
func (c Command) With(args ...Arg) Command {
	for _, a := range args {
		if c.n < 4 {
			c.args[c.n] = a
			c.n++
		} else {
			c.more = append(c.more[:len(c.more):len(c.more)], a)
		}
	}
	return c
}
func (c Command) WithFlags(f Flags) Command { c.flags |= f; return c }
func (c Command) Name() string              { return c.name }
func (c Command) Flags() Flags              { return c.flags }
func (c Command) NArgs() int                { return int(c.n) + len(c.more) }
func (c Command) Arg(i int) Arg {
	if i < 4 {
		return c.args[i]
	}
	return c.more[i-4]
}
func (c Command) WithTimeout(d time.Duration) Command { c.timeout, c.timed = d, true; return c }
func (c Command) Timeout() (time.Duration, bool)      { return c.timeout, c.timed }
func (c Command) AppendTo(dst []byte) []byte {
	first, second, two := strings.Cut(c.name, " ")
	n := 1 + int(c.n) + len(c.more)
	if two {
		n++
	}
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, "\r\n"...)
	dst = bulk(dst, first)
	if two {
		dst = bulk(dst, second)
	}
	for i := range c.n {
		dst = c.args[i].append(dst)
	}
	for i := range c.more {
		dst = c.more[i].append(dst)
	}
	return dst
}
func bulk(dst []byte, s string) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, s...)
	return append(dst, "\r\n"...)
}

// Size returns an upper bound of the encoded length.
func (c Command) Size() int {
	n := 32 + len(c.name)
	for i := range c.NArgs() {
		n += len(c.Arg(i).s) + 32
	}
	return n
}
