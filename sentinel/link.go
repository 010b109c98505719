package sentinel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

const (
	minLinkBackoff = 20 * time.Millisecond
	maxLinkBackoff = time.Second
	// messageBacklog is how many messages of a sentinel may wait to be acted
	// on. When it is full the link asks for everything instead.
	messageBacklog = 256
)

// channels are what a link subscribes to. The names are those that sentinels
// publish under, with their signs.
var channels = []string{
	"+switch-master", "+config-update-from",
	"+failover-state-send-slaveof-noone", "+promoted-slave", "+failover-end", "+failover-end-for-timeout",
	"-failover-abort-not-elected", "-failover-abort-no-good-slave", "-failover-abort-slave-timeout",
	"+sdown", "-sdown", "+odown", "-odown", "+slave", "+slave-reconf-done", "+convert-to-slave",
	"+role-change", "-role-change", "+reboot", "+reset-master", "+monitor", "-monitor",
	"+sentinel", "+sentinel-address-switch", "+tilt", "-tilt",
}

// link is the connection to one sentinel and the goroutine that keeps it.
type link struct {
	group *Group
	addr  string
	seed  bool
	asked chan struct{} // capacity one: ask now
	deaf  bool          // the sentinel's user may not subscribe; link goroutine only

	up  bool  // guarded by group.mu
	err error // guarded by group.mu
}

func newLink(g *Group, addr string, seed bool) *link {
	return &link{group: g, addr: addr, seed: seed, asked: make(chan struct{}, 1)}
}

// kick makes the link ask now, without waiting.
func (l *link) kick() {
	select {
	case l.asked <- struct{}{}:
	default:
	}
}

// againSoon asks once more when the word of a lone leader counts. The timer
// does nothing after Close but fill a channel.
func (l *link) againSoon() { time.AfterFunc(loneLeaderDelay/4, l.kick) }

// run keeps the link until ctx ends. Group.Close waits for it.
func (l *link) run(ctx context.Context) {
	backoff := minLinkBackoff
	for ctx.Err() == nil {
		if len(l.group.names()) == 0 {
			l.rest(ctx, time.Hour)
			continue
		}
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.lost(err)
		if time.Since(began) > maxLinkBackoff {
			backoff = minLinkBackoff
		}
		l.rest(ctx, backoff/2+time.Duration(rand.Int64N(int64(backoff))))
		backoff = min(2*backoff, maxLinkBackoff)
	}
}

// rest waits until it is time to try again, or something asks.
func (l *link) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.asked:
		// Asked for while down: try at once, but not in a tight loop.
		select {
		case <-ctx.Done():
		case <-time.After(min(d, minLinkBackoff)):
		}
	}
}

func (l *link) lost(err error) {
	if e, ok := errors.AsType[*resp.Error](err); ok && e.Code == "NOPERM" {
		l.deaf = true
	}
	l.group.linkChanged(l, false, err)
	for _, name := range l.group.names() {
		l.group.unanswered(l, name, err)
	}
}

// session is the life of one connection: subscribe, then ask, so that nothing
// falls between (client spec: a message is a hint, never the only source).
func (l *link) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{link: l, messages: make(chan Message, messageBacklog)}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()
	if !l.deaf {
		if err := s.subscribe(ctx); err != nil {
			return err
		}
	}
	if err := s.askAll(ctx); err != nil {
		return err
	}
	l.group.linkChanged(l, true, nil)
	return s.follow(ctx)
}

// session is one connection to a sentinel; with RESP2 a second one carries the
// messages, because a subscribed connection takes no questions.
type session struct {
	link     *link
	ask      *conn.Conn
	listen   *conn.Conn // the same as ask in RESP3
	messages chan Message
	missed   atomic.Bool
	heard    atomic.Int64 // unix nanoseconds of the last sign of life on listen
	done     chan struct{}
	failed   error // of the listening goroutine; read after done
}

func (s *session) options() conn.Options {
	o := s.link.group.opts.Conn
	o.Addr = s.link.addr
	o.OnPush = s.push
	return o
}

func (s *session) open(ctx context.Context) (err error) {
	if s.ask, err = conn.Dial(ctx, s.options()); err != nil {
		return err
	}
	s.listen = s.ask
	if s.ask.Proto() == 2 && !s.link.deaf {
		if s.listen, err = conn.Dial(ctx, s.options()); err != nil {
			_ = s.ask.Close()
			return err
		}
	}
	return nil
}

func (s *session) close() {
	_ = s.ask.Close()
	_ = s.listen.Close()
	if s.done != nil {
		<-s.done
	}
}

// subscribe sends SUBSCRIBE and starts the goroutine that listens. It ends with
// the session, which waits for it.
func (s *session) subscribe(ctx context.Context) error {
	args := make([]resp.Arg, len(channels))
	for i, name := range channels {
		args[i] = resp.String(name)
	}
	if err := s.listen.Send(ctx, resp.NewCommand("SUBSCRIBE", args...)); err != nil {
		return err
	}
	s.done = make(chan struct{})
	s.heard.Store(time.Now().UnixNano())
	go func() {
		defer close(s.done)
		if s.listen == s.ask {
			s.failed = s.listen.Serve(ctx)
			return
		}
		s.failed = s.receive(ctx)
	}()
	return nil
}

// receive listens on a RESP2 connection.
func (s *session) receive(ctx context.Context) error {
	for {
		r, err := s.listen.Receive(ctx)
		if err != nil {
			return err
		}
		s.heard.Store(time.Now().UnixNano())
		if err := r.Err(); err != nil {
			return err
		}
		s.push(r.Value)
		r.Release()
	}
}

// push takes a message out of a frame. It runs on the goroutine that reads.
func (s *session) push(v resp.Value) {
	var parts [3]string
	n := 0
	for e := range v.Elems() {
		b, err := e.Bytes()
		if err != nil || n == len(parts) {
			return
		}
		parts[n] = string(b)
		n++
	}
	if n != 3 || parts[0] != "message" {
		return
	}
	m, err := parseMessage(parts[1], parts[2])
	if err != nil {
		s.missed.Store(true)
		s.link.kick()
		return
	}
	select {
	case s.messages <- m:
	default:
		s.missed.Store(true)
		s.link.kick()
	}
}

// follow acts on messages, pings, and asks from time to time.
func (s *session) follow(ctx context.Context) error {
	o := &s.link.group.opts
	ping := time.NewTicker(o.PingInterval)
	defer ping.Stop()
	poll := time.NewTimer(s.pollWait())
	defer poll.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done: // nil, and never ready, where nothing listens
			return s.failed
		case <-s.ask.Done():
			return s.ask.Err()
		case m := <-s.messages:
			if s.link.group.published(s.link, m) {
				err = s.askOne(ctx, m.Master)
			}
		case <-s.link.asked:
			err = s.askAll(ctx)
		case <-ping.C:
			err = s.ping(ctx)
		case <-poll.C:
			err = s.askAll(ctx)
			poll.Reset(s.pollWait())
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) pollWait() time.Duration {
	d := s.link.group.opts.PollInterval
	if s.link.deaf {
		d = min(d, DefaultSoloPollInterval)
	}
	return d - d/5 + time.Duration(rand.Int64N(int64(2*d/5)+1))
}

// ping finds out whether the sentinel still answers, on both connections.
func (s *session) ping(ctx context.Context) error {
	o := &s.link.group.opts
	if s.listen != s.ask {
		if time.Since(time.Unix(0, s.heard.Load())) > o.PingInterval+o.PongTimeout {
			return fmt.Errorf("no pong within %v", o.PongTimeout)
		}
		if err := s.listen.Send(ctx, resp.NewCommand("PING")); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.PongTimeout)
	defer cancel()
	r, err := s.ask.Do(ctx, resp.NewCommand("PING"))
	if err != nil {
		return err
	}
	defer r.Release()
	return r.Err()
}

func (s *session) askAll(ctx context.Context) error {
	for _, name := range s.link.group.names() {
		if err := s.askOne(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// askOne asks for one master. An error is one of the connection; that the
// sentinel does not know the master is not.
func (s *session) askOne(ctx context.Context, name string) error {
	o := &s.link.group.opts
	ctx, cancel := context.WithTimeout(ctx, o.Conn.ReadTimeout)
	defer cancel()
	a, err := ask(ctx, s.ask, name)
	if err == nil {
		s.link.group.answered(s.link, name, a)
		return nil
	}
	s.link.group.unanswered(s.link, name, err)
	if _, refused := errors.AsType[*resp.Error](err); refused || errors.Is(err, ErrMasterUnknown) {
		return nil
	}
	return err
}
