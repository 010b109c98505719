package redis

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// MonitorLine is a command that the server has executed for some client.
type MonitorLine struct {
	Time time.Time
	DB   int64
	Addr string   // of the client; "lua" of a script
	Args []string // the name first. The server leaves out commands with passwords

	// Text is the line as it came. It is all there is of a line that cannot be read.
	// Valkey 8.1 escapes neither quotes nor backslashes: there an argument that holds a
	// quote, a space and a quote comes as two, and a backslash may change what follows it.
	Text string
}

// Monitor iterates over the commands that the server executes, on a connection
// of its own that dial makes and that is closed at the end: the Dial method of a
// pool or a client fits. It ends with ctx, with the first error, or when the loop
// is left. MONITOR slows the server down.
//
// See https://redis.io/commands/monitor.
func Monitor(ctx context.Context, dial func(context.Context) (*conn.Conn, error)) iter.Seq2[MonitorLine, error] {
	return func(yield func(MonitorLine, error) bool) {
		c, err := dial(ctx)
		if err != nil {
			yield(MonitorLine{}, err)
			return
		}
		defer c.Close()
		if err := monitor(ctx, c, yield); err != nil {
			yield(MonitorLine{}, err)
		}
	}
}

func monitor(ctx context.Context, c *conn.Conn, yield func(MonitorLine, error) bool) error {
	if err := c.Send(ctx, resp.NewCommand("MONITOR")); err != nil {
		return err
	}
	for started := false; ; {
		text, err := receive(ctx, c)
		if err != nil {
			return err
		}
		if !started && text == "OK" {
			started = true
			continue
		}
		if !yield(parseMonitor(text), nil) {
			return nil
		}
	}
}

func receive(ctx context.Context, c *conn.Conn) (string, error) {
	r, err := c.Receive(ctx)
	if err != nil {
		return "", err
	}
	return decodeReply(r, Text)
}

// parseMonitor reads `1795330166.852446 [0 127.0.0.1:47612] "SET" "a" "\x00"`.
// What it cannot read is left out.
func parseMonitor(s string) (m MonitorLine) {
	m.Text = s
	clock, rest, ok := strings.Cut(s, " [")
	where, rest, ok2 := strings.Cut(rest, "] ")
	db, addr, ok3 := strings.Cut(where, " ")
	if !ok || !ok2 || !ok3 {
		return m
	}
	sec, micro, _ := strings.Cut(clock, ".")
	secs, err1 := strconv.ParseInt(sec, 10, 64)
	micros, err2 := strconv.ParseInt(micro, 10, 64)
	n, err3 := strconv.ParseInt(db, 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return m
	}
	m.Time, m.DB, m.Addr = time.Unix(secs, micros*1000), n, addr
	for rest != "" {
		var arg string
		arg, rest = cutQuoted(rest)
		m.Args = append(m.Args, arg)
	}
	return m
}

// cutQuoted takes one string off, as sdscatrepr of Redis writes it, and the space
// after it. A quote that nothing escapes ends it only before another string or at the
// end of the line.
func cutQuoted(s string) (arg, rest string) {
	var out strings.Builder
	for i := len(s) - len(strings.TrimPrefix(s, `"`)); i < len(s); i++ {
		switch {
		case s[i] == '"' && i+1 == len(s):
			return out.String(), ""
		case s[i] == '"' && strings.HasPrefix(s[i+1:], ` "`):
			return out.String(), s[i+2:]
		case s[i] != '\\':
			out.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			break
		}
		if s[i] == 'x' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		out.WriteByte(unescape(s[i]))
	}
	return out.String(), ""
}

func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	}
	return b
}
