package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

func TestMonitorShowsWhatTheServerExecutes(t *testing.T) {
	for _, proto := range []int{2, 3} {
		beside := dial(t, 3)
		var own *conn.Conn
		open := func(ctx context.Context) (c *conn.Conn, err error) {
			own, err = conn.Dial(ctx, conn.Options{Addr: beside.Addr(), Protocol: proto})
			return own, err
		}
		odd := "a\x00\"\\\n\xff é"
		if since(t, beside, "", "8.1") && !since(t, beside, "", "9.0") {
			odd = "{\"a\":\"b\",\"c\":[\"d\",\x00\n]}" // it does not escape quotes and backslashes
		}
		stop := make(chan struct{})
		go func() { // until it is seen: MONITOR may not have begun
			for {
				select {
				case <-stop:
					return
				default:
					_ = Set("k", odd).Do(context.Background(), beside)
				}
			}
		}()
		for line, err := range Monitor(t.Context(), open) {
			if err != nil {
				t.Fatal(err)
			}
			if slices.Equal(line.Args, []string{"SET", "k", odd}) {
				check(t, "time and address", time.Since(line.Time).Abs() < time.Hour && line.DB == 0 && strings.Contains(line.Addr, ":"))
				break
			}
		}
		close(stop)
		check(t, "closed when the loop is left", own.Err() != nil)
	}
}

func TestMonitorEndsWithItsContextAndWithErrors(t *testing.T) {
	refuse := func(context.Context) (*conn.Conn, error) { return nil, errLost }
	for _, err := range Monitor(t.Context(), refuse) {
		check(t, "no connection", errors.Is(err, errLost))
	}
	s := testserver.New(t)
	s.Reply("MONITOR", "+OK\r\n")
	open := func(ctx context.Context) (*conn.Conn, error) { return conn.Dial(ctx, conn.Options{Addr: s.Addr()}) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	n := 0
	for _, err := range Monitor(ctx, open) {
		n++
		check(t, "its context", errors.Is(err, context.DeadlineExceeded))
	}
	s.Reply("MONITOR", "+OK\r\n+no line\r\n+1.5 [0 a:1] \"GET\" \"k\"\r\n")
	var lines []MonitorLine
	for line, err := range Monitor(t.Context(), open) {
		check(t, "it goes on", err == nil)
		if lines = append(lines, line); len(lines) == 2 {
			n++
			break
		}
	}
	check(t, "no line of MONITOR", lines[0].Text == "no line" && lines[0].Args == nil && slices.Equal(lines[1].Args, []string{"GET", "k"}))
	s.Reply("MONITOR", "-NOPERM no\r\n")
	for _, err := range Monitor(t.Context(), open) {
		n++
		check(t, "refused", errors.Is(err, ErrNoPerm))
	}
	check(t, "one error each", n == 3)
}

func TestQuotesThatTheServerDoesNotEscapeAreRead(t *testing.T) {
	for line, want := range map[string][]string{
		`1.5 [0 a:1] "SET" "k" "{"a":"b","c":[1]}"`:    {"SET", "k", `{"a":"b","c":[1]}`}, // Valkey 8.1
		`1.5 [0 a:1] "SET" "k" "{\"a\":\"b\"}"`:        {"SET", "k", `{"a":"b"}`},
		`1.5 [0 a:1] "SET" "k" "a \" b" ""`:            {"SET", "k", `a " b`, ""},
		`1.5 [0 a:1] "SET" "k" "open`:                  {"SET", "k", "open"},
		`1.5 [0 unix:/tmp/my server.sock] "GET" "a b"`: {"GET", "a b"},
		`1.5 [0 lua] "GET" "\x00\\"`:                   {"GET", "\x00\\"},
	} {
		if m := parseMonitor(line); !slices.Equal(m.Args, want) || m.Text != line || m.Addr == "" {
			t.Errorf("%s: %q", line, m.Args)
		}
	}
}

func FuzzALineOfMonitorIsReadOrAnError(f *testing.F) {
	f.Add(`1795330166.852446 [0 127.0.0.1:47612] "SET" "a" "\x00\n\"\\"`)
	f.Add(`1.5 [15 lua] "eval"`)
	f.Add(`1.5 [0 x] "a`)
	f.Add(`1.5 [0 x] "\`)
	f.Add(`1.5 [0 x] "\x4"`)
	f.Fuzz(func(t *testing.T, s string) {
		m := parseMonitor(s)
		if m.Text != s {
			t.Fatalf("%q became %q", s, m.Text)
		}
		n := 0
		for _, a := range m.Args {
			n += len(a)
		}
		if n > len(s) {
			t.Fatalf("%d bytes of %d", n, len(s))
		}
	})
}

func FuzzAnyLuaWithNamesIsExpandedOrAnError(f *testing.F) {
	f.Add(`return redis.call("SET", _:key, _:value-1)`, "key", "value")
	f.Add(`_:a_:ab _:b`, "a", "ab")
	f.Add(`_:`, "", "")
	f.Fuzz(func(t *testing.T, src, key, arg string) {
		l := NewLua(src, []string{key}, []string{arg}, Text)
		if l.Invalid() == nil && key != "" && arg != "" && !strings.Contains(src, "KEYS[1]") &&
			strings.Count(l.Script().Source(), "KEYS[1]") == 0 {
			t.Fatalf("%q is not in %q", key, l.Script().Source())
		}
	})
}
