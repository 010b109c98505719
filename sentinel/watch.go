package sentinel

import (
	"context"
	"time"
)

// Follower is told what happens to a master that it watches: see [Group.Watch].
// Its methods are called by the goroutines of the links, one link at a time, and
// must not block; GroupClosed may. They may call the methods of the [Watch], and
// may be called before [Group.Watch] has returned it.
type Follower interface {
	// Moved reports that [Watch.View] is another one, or the first one.
	Moved()
	// Heard passes on what a sentinel has published about the master. It runs on
	// the goroutine that reads from the sentinel, before any question is asked
	// because of the message.
	Heard(sentinel string, m Message)
	// Informed reports that [Watch.Replicas] has changed, where replicas is true,
	// or, under WatchOptions.QuorumTTL, that [Watch.Backing] has.
	Informed(replicas bool)
	// Reassured reports that a majority of the sentinels confirms a master that
	// [Watch.Deserted] had its doubts about.
	Reassured()
	// LostSentinel reports that the link to a sentinel is gone.
	LostSentinel(addr string)
	// GroupClosed reports that the group ends. [Group.Close] calls it for all
	// followers side by side, and waits until it has returned.
	GroupClosed()
}

// WatchOptions describes how a master is watched. The zero value watches it in
// silence.
type WatchOptions struct {
	// Follower is told what happens. Nil means nobody: [Watch.View] and
	// [Watch.Await] tell as much.
	Follower Follower
	// QuorumTTL, if it is positive, has the sentinels asked four times within
	// that time, and has [Watch.Backing] kept. Zero and negative mean neither.
	QuorumTTL time.Duration
}

// Watch is a master that a group watches for one caller. Its methods are safe
// for concurrent use.
type Watch struct {
	group    *Group
	master   *master
	follower Follower
	ttl      time.Duration
	closed   bool // guarded by Group.mu
}

// Watch has the group watch a master until [Watch.Close]. It asks all sentinels
// for it, and does not wait for their answers. The error is [ErrClosed] after
// [Group.Close].
func (g *Group) Watch(name string, o WatchOptions) (*Watch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	m := g.masters[name]
	if m == nil {
		m = newMaster(g, name)
		g.masters[name] = m
		g.askAllLocked(m, true)
	}
	w := &Watch{group: g, master: m, follower: o.Follower, ttl: max(o.QuorumTTL, 0)}
	m.watches[w] = struct{}{}
	m.setQuorumTTLLocked()
	m.noteBackingLocked()
	return w, nil
}

// Close ends the watch: its follower is told of nothing that happens from then
// on, and [Watch.Await] returns [ErrClosed]. A call that is under way is not
// waited for.
func (w *Watch) Close() {
	g, m := w.group, w.master
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	delete(m.watches, w)
	m.setQuorumTTLLocked()
	m.broadcastLocked()
	if len(m.watches) == 0 && !m.pinned && g.masters[m.name] == m {
		m.stopTimersLocked()
		g.doubts += m.doubts
		delete(g.masters, m.name)
	}
}

// View returns what the group believes of the master now.
func (w *Watch) View() View {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	return w.master.view.View
}

// Await waits until the master is known and returns what the group believes of
// it. The error is a *[ResolveError] once every sentinel has been tried in vain,
// [ErrClosed] after Close, or wraps the one of ctx.
func (w *Watch) Await(ctx context.Context) (View, error) {
	return w.await(ctx, func(v View) (bool, error) { return v.Known, w.master.failureLocked() })
}

// AwaitAfter waits until a master with a higher configuration epoch is known.
func (w *Watch) AwaitAfter(ctx context.Context, epoch int64) (View, error) {
	return w.await(ctx, func(v View) (bool, error) { return v.Known && v.Epoch > epoch, nil })
}

// Ask asks all sentinels for the master and waits until those that can be
// reached have answered. The errors are those of [Watch.Await].
func (w *Watch) Ask(ctx context.Context) error {
	began := time.Now()
	w.group.mu.Lock()
	w.group.askAllLocked(w.master, true)
	w.group.mu.Unlock()
	_, err := w.await(ctx, func(v View) (bool, error) {
		switch {
		case w.master.pendingLocked(began):
			return false, nil
		case v.Known:
			return true, nil
		}
		return false, w.master.attemptsLocked()
	})
	return err
}

// await waits until done reports that it has come to an end, or says why not.
// done is called with the lock held.
func (w *Watch) await(ctx context.Context, done func(View) (bool, error)) (View, error) {
	g, m := w.group, w.master
	for {
		g.mu.Lock()
		v := m.view.View
		ok, err := done(v)
		closed, changed := g.closed || w.closed, m.changed
		g.mu.Unlock()
		switch {
		case ok:
			return v, nil
		case closed:
			return v, ErrClosed
		case err != nil:
			return v, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, m.cutShort(ctx)
		}
	}
}

// Err returns what each sentinel said when it gave no address for the master, as
// a *[ResolveError]. The error may have no attempts: nobody was asked yet.
func (w *Watch) Err() error { return w.master.why() }

// Doubt has all sentinels asked for the master now, and quickly from then on: a
// connection to it has failed, or it has said that it is no master. The doubts
// of many callers are one round of questions.
func (w *Watch) Doubt() {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	if !w.closed {
		w.master.doubtLocked(time.Now())
	}
}

// Deny tells the group that the server at addr has said itself that it is no
// master. It decides between sentinels that disagree for one epoch.
func (w *Watch) Deny(addr string) {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	w.master.view.deny(addr)
}

// Deserted reports whether the sentinels know healthy replicas of the master, all
// of them follow another server than addr, and no majority of the sentinels
// confirms addr: it has probably been replaced, and the sentinels that were asked
// do not know. The follower is told when a majority does confirm it.
func (w *Watch) Deserted(addr string) bool {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	return w.master.desertedLocked(addr)
}

// Coordinated reports whether the sentinel at addr leads a coordinated failover of
// the master now, as Valkey 9 has it: the master stops writes until its replica has
// everything, and changes places with it, so that no write that it acknowledges is
// lost and never two of them are masters.
func (w *Watch) Coordinated(addr string) bool {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	return w.master.view.handsOver(addr)
}

// Replicas returns the replicas that the sentinels list, sorted by address. It
// must not be changed.
func (w *Watch) Replicas() []Replica {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	return w.master.merged
}

// Backing returns how far the sentinels confirm the master. It is the zero value
// where no watch of the master has a QuorumTTL. It takes no lock.
func (w *Watch) Backing() Backing {
	if b := w.master.backing.Load(); b != nil {
		return *b
	}
	return Backing{}
}

// Status returns a snapshot of what the group believes of the master.
func (w *Watch) Status() MasterStatus {
	w.group.mu.Lock()
	defer w.group.mu.Unlock()
	return w.master.statusLocked()
}

// Send gives an event about the master to the listeners of the group. A client
// uses it for what it does with the master.
func (w *Watch) Send(e Event) {
	e.Master = w.master.name
	w.group.send(e)
}
