package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// situation is a mistake, or a mishap, and what the error says of it.
type situation struct {
	err  error
	want []string // parts of the text: what was asked, what failed, what to do
}

// Each text was read by itself: it says what was asked, which step failed, for how
// long it was tried, and what can be done.
func TestEveryMistakeHasATextThatHelps(t *testing.T) {
	s := testserver.New(t)
	s.Reply("LPUSH", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
	s.Reply("GET", "$5\r\nhello\r\n")
	s.Reply("HGET", "$-1\r\n")
	s.Reply("SET", refusesWrites)
	s.Reply("INCR", noReplicas)
	s.Reply("EVALSHA", "-NOPERM User app has no permissions to run the 'evalsha' command\r\n")
	s.Handle("BLPOP", func(p *testserver.Peer, _ []string) { <-p.Done() })
	s.Handle("DEL", func(p *testserver.Peer, _ []string) { p.Close() })
	ctx := t.Context()
	one := connect(t, client.Options{RetryTime: 500 * time.Millisecond, Pool: pool.Options{MaxConns: 1, Conn: conn.Options{Addr: s.Addr()}}})
	dead := connect(t, client.Options{RetryTime: 50 * time.Millisecond, Pool: pool.Options{Conn: conn.Options{Addr: "127.0.0.1:1"}}})
	never := connect(t, client.Options{RetryTime: -1, Pool: pool.Options{Conn: conn.Options{Addr: "127.0.0.1:1"}}})
	nowhere := connect(t, client.Options{RetryTime: 50 * time.Millisecond, Pool: pool.Options{Conn: conn.Options{Addr: "nowhere.invalid:6379",
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}}
		}}}})
	silent := testserver.New(t)
	silent.StopReading(true)
	mute := connect(t, client.Options{RetryTime: 50 * time.Millisecond, Pool: pool.Options{Conn: conn.Options{Addr: silent.Addr()}}})
	lone := connect(t, client.Options{NoWait: true, RetryTime: 50 * time.Millisecond, Master: "mymaster", Group: sentinel.GroupOptions{Sentinels: []string{"127.0.0.1:1"}}})
	e := testgroup.New(t, testgroup.Options{})
	group := sentinel.GroupOptions{Sentinels: e.SentinelAddrs(), QueryTimeout: patience, Conn: conn.Options{Dial: e.Dial, DialTimeout: patience}}
	closed := connect(t, client.Options{})
	_ = closed.Close()
	short := func() context.Context {
		c, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		t.Cleanup(cancel)
		return c
	}
	open := func(o client.Options) error { _, err := client.Open(ctx, o); return err }
	front := func(o kermes.Options) error { _, err := kermes.OpenOptions(short(), o); return err }
	url := func(u string) error { _, err := kermes.Open(short(), u); return err }
	lease := func(f func() error) (err error) {
		if failed := one.WithConn(ctx, func(*conn.Conn) error { err = f(); return nil }); failed != nil {
			t.Fatal(failed)
		}
		return err
	}
	blpop := func(ctx context.Context, c *client.Client) error {
		_, err := redis.BLPop(time.Minute, "q").Do(ctx, c)
		return err
	}
	get := func(ctx context.Context, c redis.Doer) error { _, err := redis.Get("k").Do(ctx, c); return err }
	number := func() error { _, err := redis.As(redis.Get("k"), redis.Int).Do(ctx, one); return err }
	pipeline := func(c *client.Client, cmd redis.Cmd[int64]) error {
		var p redis.Pipeline
		first := redis.HGet("h", "f").Queue(&p)
		cmd.Queue(&p)
		redis.HGet("h", "f").Queue(&p)
		if err := p.Do(ctx, c); err != nil {
			return err
		}
		return first.Err()
	}
	field := func() error { _, err := redis.HGet("h", "f").Do(ctx, one); return err }
	incr := func() error { _, err := redis.Incr("n").Do(ctx, one); return err }
	push := func() error { _, err := redis.LPush("k", "v").Do(ctx, one); return err }
	del := func() error { _, err := redis.Del("k").Do(ctx, one); return err }
	raw := func(cmd resp.Command) error { _, err := one.Do(ctx, cmd); return err }
	situations := map[string]situation{
		"value is no number":        {number(), []string{"integer"}},
		"no field":                  {field(), []string{"redis: HGET: ", "redis.ErrNil", "the key or the field does not exist"}},
		"no field, in a pipeline":   {pipeline(one, redis.HLen("h")), []string{"redis: HGET: ", "redis.ErrNil"}},
		"hung up in a pipeline":     {pipeline(one, redis.Del("k")), []string{"DEL, index 1 of 3 commands", s.Addr(), "may have been executed"}},
		"mistake in a pipeline":     {pipeline(one, redis.Del()), []string{"redis: DEL, index 1 of the pipeline: "}},
		"server down, pipeline":     {pipeline(dead, redis.Del("k")), []string{"client: HGET, index 0 of 3 commands: gave up after ", "refused"}},
		"wrong type":                {push(), []string{"WRONGTYPE"}},
		"replica":                   {redis.Set("k", "v").Do(ctx, one), []string{"READONLY"}},
		"no replicas attached":      {incr(), []string{"NOREPLICAS"}},
		"hung up in a write":        {del(), []string{"DEL", s.Addr(), "may have been executed"}},
		"stateful":                  {raw(resp.NewCommand("SELECT", resp.Int(1))), []string{"SELECT", "needs one of its own"}},
		"no name":                   {raw(resp.NewCommand("")), []string{"no name"}},
		"blocked until the end":     {blpop(short(), one), []string{"BLPOP", "deadline exceeded"}},
		"all leased":                {lease(func() error { return one.WithConn(short(), func(*conn.Conn) error { return nil }) }), []string{"pool: no connection within", "all are in use (MaxConns 1, leased 1, waiting 1)", "raise MaxConns"}},
		"server down":               {get(ctx, dead), []string{"client: GET: gave up after ", " attempt", "127.0.0.1:1", "refused"}},
		"server down, lease":        {dead.WithConn(ctx, func(*conn.Conn) error { return nil }), []string{"client: a lease: gave up after ", "refused"}},
		"server down, context":      {get(short(), dead), []string{"GET", "deadline exceeded", "refused"}},
		"server down, no retry":     {get(ctx, never), []string{"127.0.0.1:1", "refused"}},
		"unknown host":              {get(ctx, nowhere), []string{"GET", "nowhere.invalid", "no such host"}},
		"silent server":             {get(ctx, mute), []string{"the server cannot be reached", "dialling has not ended yet"}},
		"closed":                    {get(ctx, closed), []string{"client: closed"}},
		"no sentinel":               {get(ctx, lone), []string{"GET: gave up after ", "no sentinel can be reached", "127.0.0.1:1", "refused"}},
		"no sentinel at Open":       {open(client.Options{Master: "mymaster", Group: sentinel.GroupOptions{Sentinels: []string{"127.0.0.1:1"}}}), []string{"mymaster", "no sentinel can be reached", "127.0.0.1:1"}},
		"unknown master":            {open(client.Options{Master: "other", Group: group}), []string{`"other"`, "no sentinel knows the master"}},
		"master without sentinels":  {front(kermes.Options{Master: "m"}), []string{"options", "without the address of a sentinel"}},
		"sentinels without master":  {front(kermes.Options{Sentinels: []string{"h"}}), []string{"options", "without the name of a master"}},
		"both":                      {front(kermes.Options{Addr: "h:1", Sentinels: []string{"h"}, Master: "m"}), []string{"one of them has to go"}},
		"negative database":         {front(kermes.Options{DB: -1}), []string{"database -1 is negative"}},
		"quorum without sentinels":  {open(client.Options{RequireQuorum: true}), []string{"a quorum needs sentinels"}},
		"sentinels, no name":        {open(client.Options{Group: group}), []string{"Sentinels without Master"}},
		"URL without scheme":        {url("localhost:6379"), []string{"want scheme://"}},
		"URL of another thing":      {url("http://localhost"), []string{"scheme http is not redis"}},
		"URL with a raw slash":      {url("redis://u:12/34@h"), []string{"write special characters of a user or password as %XX"}},
		"URL with a bad port":       {url("redis://h:99999"), []string{"the port is not a number between 1 and 65535"}},
		"URL with a bad parameter":  {url("redis://h?foo=1"), []string{"unknown parameter foo"}},
		"URL with bare IPv6":        {url("redis://::1"), []string{"an IPv6 address stands in brackets"}},
		"URL without master":        {url("redis-sentinel://h1,h2"), []string{"want the master's name after the addresses"}},
		"URL with sentinel as user": {url("redis-sentinel://u:p@h1,u:p@h2/m"), []string{"user and password stand once"}},
		"write to replicas":         {redis.Set("k", "v").Do(ctx, one.Replicas()), []string{"SET writes, or may: send it to the client itself"}},
	}
	for name, m := range mistakes(t) {
		srv := testserver.NewWith(t, m.server)
		if m.prepare != nil {
			m.prepare(srv)
		}
		o := client.Options{RetryTime: patience, Pool: pool.Options{Conn: conn.Options{Addr: srv.Addr()}}}
		m.options(&o.Pool.Conn, srv)
		situations["server: "+name] = situation{get(ctx, connect(t, o)), m.want}
	}
	if len(situations) < 40 {
		t.Errorf("%d situations", len(situations))
	}
	for name, x := range situations {
		if x.err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		text := x.err.Error()
		for _, part := range x.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q lacks %q", name, text, part)
			}
		}
		if strings.Contains(text, "\n") || strings.Contains(text, "%!") || strings.Contains(text, " : ") || strings.HasSuffix(text, ".") && !errors.As(x.err, new(*resp.Error)) {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
