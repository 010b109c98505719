package pool

import (
	"context"
	"errors"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// renewInterval is how often at most the word of a server that it is no master
// has all connections replaced.
const renewInterval = time.Second

// Renew has all connections replaced, and the name in the address resolved
// again: those that nobody uses now, the others when their callers have got
// their replies. No call fails for it. Connections made with [Pool.Dial] belong
// to others and stay.
//
// The pool does it by itself, once a second at most, when the server says that
// it is a replica: the name may lead to the new master already.
func (p *Pool) Renew() {
	p.check(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renewLocked()
}

func (p *Pool) renewLocked() {
	if p.closed != nil {
		return
	}
	p.generation.Add(1)
	for _, m := range p.takeIdleLocked() {
		p.discardLocked(m, errExpired)
	}
	for i := range p.shared {
		if m := p.shared[i].member.Load(); m != nil {
			p.retireLocked(&p.shared[i], m)
		}
	}
	p.dialMoreLocked()
}

// heed draws the conclusion from a reply that may be an error.
func (p *Pool) heed(v resp.Value) { p.heedError(v.Err()) }

// heedError replaces the connections when the server has said that it is a
// replica: connections that work never find out that the name in their address
// leads to another server by now.
func (p *Pool) heedError(err error) {
	if err == nil {
		return
	}
	if e, ok := errors.AsType[*resp.Error](err); !ok || !demoted(e) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.renewed) >= renewInterval {
		p.renewed = now
		p.renewLocked()
	}
}

// demoted reports whether the error says that the server has become a replica.
func demoted(e *resp.Error) bool {
	return e.IsReadOnly() || e.Code == "UNBLOCKED" && !e.Is(&resp.Error{Code: "UNBLOCKED", Message: clientUnblocked})
}

// clientUnblocked is what CLIENT UNBLOCK answers in the server's name.
const clientUnblocked = "client unblocked via CLIENT UNBLOCK"

// batchWatch looks at the replies of a batch on their way to its caller.
type batchWatch struct {
	pool *Pool
	to   resp.Receiver
}

// Receive implements resp.Receiver.
func (w *batchWatch) Receive(i int, v resp.Value) {
	if v.MayBeError() {
		w.pool.heed(v)
	}
	w.to.Receive(i, v)
}

// ReceiveRun implements resp.RunReceiver.
func (w *batchWatch) ReceiveRun(first int, buf []byte, ends []int) {
	resp.GiveRun(w.to, first, buf, ends) // no error is among them
}
