package sentinel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// messageBacklog is how many messages of a sentinel may wait to be asked about.
// When it is full the link asks for everything instead.
const messageBacklog = 256

// channels are what a link subscribes to. The names are those that sentinels
// publish under, with their signs.
var channels = []string{
	"+switch-master", "+config-update-from",
	"+try-failover", "+elected-leader", "+selected-slave",
	"+failover-state-send-slaveof-noone", "+failover-state-wait-promotion", "+promoted-slave",
	"+failover-state-reconf-slaves", "+failover-end", "+failover-end-for-timeout",
	"-failover-abort-not-elected", "-failover-abort-no-good-slave", "-failover-abort-slave-timeout",
	"+sdown", "-sdown", "+odown", "-odown", "+slave", "+slave-reconf-done", "+convert-to-slave",
	"+role-change", "-role-change", "+reboot", "+reset-master", "+monitor", "-monitor",
	"+sentinel", "+sentinel-address-switch", "+tilt", "-tilt",
}

// linkSession is one connection to a sentinel; with RESP2 a second one carries the
// messages, because a subscribed connection takes no questions.
type linkSession struct {
	link     *link
	ask      *conn.Conn
	listen   *conn.Conn // the same as ask in RESP3; nil where nothing listens
	messages chan Message
	acks     atomic.Int32
	ready    chan struct{} // closed when every channel is confirmed
	heard    atomic.Int64  // unix nanoseconds of the last sign of life on listen
	word     int           // which of replicaWords is granted
	done     chan struct{} // closed when the listening goroutine ends; nil without
	failed   error         // why; read after done
}

// connect is the life of one connection: subscribe, then ask, so that nothing
// falls between (client spec: a message is a hint, never the only source).
func (l *link) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &linkSession{link: l, messages: make(chan Message, messageBacklog), ready: make(chan struct{})}
	defer s.close()
	defer cancel()
	if err := s.open(ctx); err != nil {
		return err
	}
	l.takeWanted()
	if err := s.askNames(ctx, l.group.names()); err != nil {
		return err
	}
	l.setListens(s.listen != nil)
	l.group.linkChanged(l, true, nil)
	s.identify(ctx)
	return s.follow(ctx)
}

func (l *link) setListens(on bool) {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	l.listens = on
}

func (s *linkSession) options() conn.Options {
	o := s.link.group.opts.Conn
	o.Addr = s.link.addr
	o.OnPush = s.push
	return o
}

// open connects and subscribes. A user that may not subscribe can ask; the
// refusal has broken the connection, so there is a new one.
func (s *linkSession) open(ctx context.Context) (err error) {
	if s.ask, err = conn.Dial(ctx, s.options()); err != nil {
		return err
	}
	if time.Now().Before(s.link.deaf) {
		return nil
	}
	s.listen = s.ask
	if s.ask.Proto() == 2 {
		if s.listen, err = conn.Dial(ctx, s.options()); err != nil {
			return err
		}
	}
	err = s.subscribe(ctx)
	refused := refusesMessages(err)
	s.link.noteMessages(refused)
	if refused == nil {
		return err
	}
	s.link.deaf = time.Now().Add(deafTime)
	s.close()
	s.listen, s.done = nil, nil
	s.ask, err = conn.Dial(ctx, s.options())
	return err
}

// refusesMessages returns the error by which a sentinel has refused SUBSCRIBE for good,
// or nil.
func refusesMessages(err error) error {
	subscribe := resp.NewCommand("SUBSCRIBE")
	e, ok := errors.AsType[*resp.Error](err)
	if !ok || !e.AnswerTo(&subscribe).Refused() || e.AnswerTo(&subscribe).Rejected() {
		return nil
	}
	return e
}

// noteMessages notes why the sentinel sends no messages, or nil.
func (l *link) noteMessages(refused error) {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	l.group.noteRefusalLocked(l, "", askMessages, refused)
}

func (s *linkSession) close() {
	if s.ask != nil {
		_ = s.ask.Close()
	}
	if s.listen != nil {
		_ = s.listen.Close()
	}
	if s.done != nil {
		<-s.done
	}
}

// subscribe sends SUBSCRIBE, starts the goroutine that listens, and waits until
// all channels are confirmed. The goroutine ends with the session, which waits
// for it.
func (s *linkSession) subscribe(ctx context.Context) error {
	args := make([]resp.Arg, len(channels))
	for i, name := range channels {
		args[i] = resp.String(name)
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.group.opts.QueryTimeout)
	defer cancel()
	if err := s.listen.Send(ctx, resp.NewCommand("SUBSCRIBE", args...)); err != nil {
		return err
	}
	s.done = make(chan struct{})
	s.heard.Store(time.Now().UnixNano())
	go func() {
		defer close(s.done)
		if s.listen == s.ask {
			s.failed = s.listen.Serve(s.link.ctx)
			return
		}
		s.failed = s.receive(s.link.ctx)
	}()
	select {
	case <-s.ready:
		return nil
	case <-s.done:
		return s.failed
	case <-ctx.Done():
		return fmt.Errorf("sentinel: subscribe: %w", ctx.Err())
	}
}

// receive listens on a RESP2 connection.
func (s *linkSession) receive(ctx context.Context) error {
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
func (s *linkSession) push(v resp.Value) {
	var parts [3]string
	n := 0
	for e := range v.Elems() {
		if n == len(parts) {
			return
		}
		if b, err := e.Bytes(); err == nil {
			parts[n] = string(b)
		}
		n++
	}
	switch {
	case n == 3 && parts[0] == "subscribe":
		if int(s.acks.Add(1)) == len(channels) {
			close(s.ready)
		}
	case n == 3 && parts[0] == "message":
		s.message(parts[1], parts[2])
	}
}

// message acts on what a sentinel has published. One that is malformed, or one
// too many to be asked about, has everything asked instead.
func (s *linkSession) message(channel, payload string) {
	m, err := parseMessage(channel, payload)
	if err != nil {
		s.missed()
		return
	}
	if !s.link.group.published(s.link, m) {
		return
	}
	select {
	case s.messages <- m:
	default:
		s.missed()
	}
}

func (s *linkSession) missed() {
	g := s.link.group
	g.mu.Lock()
	defer g.mu.Unlock()
	for name := range g.masters {
		s.link.wantLocked(name, true)
	}
}

// identify asks for the sentinel's run id, by which two addresses of one are
// recognised. Sentinels before 6.2 do not know the question, and it may be
// forbidden: then they count as different.
func (s *linkSession) identify(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.link.group.opts.QueryTimeout)
	defer cancel()
	if id, err := redis.SentinelMyID().Do(ctx, s.ask); err == nil && id != "" {
		s.link.group.identified(s.link, id)
	}
}

// follow acts on messages, pings, and asks from time to time.
func (s *linkSession) follow(ctx context.Context) error {
	ping := time.NewTicker(s.link.group.opts.PingInterval)
	defer ping.Stop()
	full := time.Now().Add(jitter(s.link.group.opts.PollInterval))
	due := make(map[string]time.Time) // when a master is to be asked for in between
	poll := time.NewTimer(s.nextPoll(due, full))
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
			err = s.askAbout(ctx, m)
		case <-s.link.asked:
			err = s.askFor(ctx, s.link.takeWanted())
		case <-ping.C:
			err = s.ping(ctx)
		case <-poll.C:
			if now := time.Now(); !now.Before(full) {
				full = now.Add(jitter(s.link.group.opts.PollInterval))
				clear(due)
				err = s.askNames(ctx, s.link.group.names())
			}
			if err == nil {
				err = s.askDue(ctx, due)
			}
		}
		if err != nil {
			return err
		}
		poll.Reset(s.nextPoll(due, full))
	}
}

// askDue asks for the masters whose time has come.
func (s *linkSession) askDue(ctx context.Context, due map[string]time.Time) error {
	now := time.Now()
	for name, at := range due {
		if at.After(now) {
			continue
		}
		delete(due, name)
		if err := s.askNext(ctx, name, false); err != nil {
			return err
		}
	}
	return nil
}

// nextPoll says how long to wait until all masters are to be asked for, or one in
// between, give or take a fifth: one that is in alarm, not known yet, or asked for
// within a QuorumTTL, or any where no messages come. It notes in due when that is.
// What comes meanwhile, as pings do, puts nothing off.
func (s *linkSession) nextPoll(due map[string]time.Time, full time.Time) time.Duration {
	g := s.link.group
	g.mu.Lock()
	defer g.mu.Unlock()
	calm := g.opts.PollInterval
	if s.listen == nil {
		calm = min(calm, g.opts.SoloPollInterval)
	}
	now, first := time.Now(), full
	share := float64(jitter(time.Second)) / float64(time.Second) // the same for all, so that equals are asked together
	maps.DeleteFunc(due, func(name string, _ time.Time) bool { return g.masters[name] == nil })
	for name, t := range g.masters {
		d := calm
		switch {
		case now.Before(t.alarmed):
			d = min(d, g.opts.AlarmInterval)
		case !t.view.Known:
			d = min(d, g.opts.SoloPollInterval)
		}
		if t.quorumTTL > 0 {
			d = min(d, t.quorumTTL/4)
		}
		if d >= g.opts.PollInterval {
			delete(due, name)
			continue
		}
		next := now.Add(time.Duration(share * float64(d)))
		if at, ok := due[name]; ok && at.Before(next) {
			next = at
		}
		due[name] = next
		if next.Before(first) {
			first = next
		}
	}
	return max(first.Sub(now), 0)
}

// jitter is d, give or take a fifth.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + time.Duration(rand.Int64N(int64(2*d/5)+1))
}

// ping finds out whether the sentinel still answers, on both connections.
func (s *linkSession) ping(ctx context.Context) error {
	o := &s.link.group.opts
	if s.listen != nil && s.listen != s.ask {
		if time.Since(time.Unix(0, s.heard.Load())) > o.PingInterval+o.PongTimeout {
			return fmt.Errorf("sentinel: ping: no answer within %v", o.PongTimeout)
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

// askAbout asks for the master of a message, and of those that wait behind it.
// An ordinary message is also about replicas or sentinels, so the question is
// full; in a failover the address comes first.
func (s *linkSession) askAbout(ctx context.Context, m Message) error {
	wanted := make(map[string]bool)
	for {
		_, quick := failoverMessages[m.Name]
		wanted[m.Master] = wanted[m.Master] || !quick
		select {
		case m = <-s.messages:
			continue
		default:
		}
		return s.askFor(ctx, wanted)
	}
}

func (s *linkSession) askFor(ctx context.Context, wanted map[string]bool) error {
	for name, full := range wanted {
		if err := s.askNext(ctx, name, full); err != nil {
			return err
		}
	}
	return nil
}

func (s *linkSession) askNames(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := s.askNext(ctx, name, true); err != nil {
			return err
		}
	}
	return nil
}

// askNext asks for one of many masters, after those that messages have come
// about meanwhile: they are news, and what there are many of is not.
func (s *linkSession) askNext(ctx context.Context, name string, full bool) error {
	for {
		select {
		case m := <-s.messages:
			_, quick := failoverMessages[m.Name]
			if err := s.askOne(ctx, m.Master, !quick); err != nil {
				return err
			}
			continue
		default:
		}
		return s.askOne(ctx, name, full)
	}
}

// askOne asks for one master. An error is one of the connection; that the
// sentinel does not know the master, or is slow, is not: pings decide about
// the connection.
func (s *linkSession) askOne(ctx context.Context, name string, full bool) error {
	g := s.link.group
	asked := time.Now()
	query, cancel := context.WithTimeout(ctx, g.opts.QueryTimeout)
	defer cancel()
	g.queries.Add(1)
	a, err := ask(query, s.ask, name, full, &s.word)
	if err == nil {
		g.mu.Lock()
		s.link.answered = a.sighting.at
		g.mu.Unlock()
		g.answered(s.link, name, a)
		return nil
	}
	g.queryErrors.Add(1)
	g.unanswered(s.link, name, asked, err)
	if s.ask.Err() == nil && ctx.Err() == nil {
		return nil
	}
	return err
}
