package client_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// naive is what a simple program does: it writes on one connection, and asks a
// sentinel again when that fails. It knows nothing of failovers.
type naive struct {
	s    *scenario
	top  *testredis.Topology
	conn *testserver.Client
}

func (n *naive) push(key, v string) error {
	if n.conn == nil {
		if err := n.connect(); err != nil {
			return err
		}
	}
	n.conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, err := n.conn.Do("RPUSH", key, v)
	if err != nil {
		_ = n.conn.Close()
		n.conn = nil
	}
	return err
}

func (n *naive) connect() error {
	c, err := testserver.DialClient("tcp", n.top.Sentinels[0].Addr(), nil, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	r, err := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", n.top.Names[0])
	if err != nil || len(r.Elems) != 2 {
		return errors.Join(err, errors.New("no address"))
	}
	n.conn, err = testserver.DialClient("tcp", net.JoinHostPort(r.Elems[0].Str, r.Elems[1].Str), nil, time.Second)
	return err
}

// startNaive starts simple programs that write.
func (s *scenario) startNaive(top *testredis.Topology, n int) *writers {
	ctx, cancel := context.WithCancel(s.ctx)
	w := &writers{cancel: cancel, stopc: make(chan struct{}), done: make([][]write, n)}
	for i := range n {
		w.wg.Go(func() {
			program := &naive{s: s, top: top}
			for seq := 0; ctx.Err() == nil; seq++ {
				x := write{writer: i, seq: seq, begun: time.Now()}
				x.err = program.push(x.key(), strconv.Itoa(seq))
				x.at = time.Now()
				w.mu.Lock()
				w.done[i] = append(w.done[i], x)
				w.mu.Unlock()
				select {
				case <-w.stopc:
				case <-time.After(writeGap):
					continue
				}
				break
			}
			if program.conn != nil {
				_ = program.conn.Close()
			}
		})
	}
	s.Cleanup(func() { cancel(); w.wg.Wait() })
	s.until("simple programs at work", func() bool { return len(w.acked()) > 10*n })
	return w
}

func TestA11AGracefulFailoverSparesSimpleProgramsToo(t *testing.T) {
	s := accept(t, "A11", 2*time.Minute)
	for range runs(2) {
		top, rec := s.topology(testredis.TopologyOptions{})
		c := s.client(top, client.Options{})
		simple := s.startNaive(top, writerCount)
		old := s.master(top)
		began := time.Now()
		demoted := make(chan time.Time, 1)
		go func() {
			_ = leak.WaitUntil(s.ctx, func() bool { role, err := old.Role(); return err == nil && role == "slave" })
			demoted <- time.Now()
		}()
		report, err := c.GracefulFailover(s.ctx, client.GracefulOptions{})
		s.must(err)
		first := s.switched(rec, began)
		next := s.settled(top, old)
		if report.Old != old.Addr() || report.New != next.Addr() || report.CaughtUp != 2 {
			s.Errorf("the report is %+v", report)
		}
		s.within("the old master is a replica after T", (<-demoted).Sub(first.At), 200*time.Millisecond)
		s.until("every simple program back", func() bool { return simple.allBack(first.At.Add(100 * time.Millisecond)) })
		simple.stop()
		a := s.audit(simple, s.final(top))
		s.atMost("acknowledged writes of simple programs lost", len(a.lost), 0)
		s.within("their pause", a.gap(), 2*time.Second)
		s.Logf("A11: %+v; simple programs: %d acknowledged, %d failed", report, a.acked, len(simple.failed()))
	}
}

// The negative of A11: the same programs, and SENTINEL FAILOVER alone.
func TestA11WithoutItSimpleProgramsLoseWrites(t *testing.T) {
	s := accept(t, "A11", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Fast: true})
	simple := s.startNaive(top, writerCount)
	old := s.master(top)
	began := time.Now()
	s.must(top.SentinelFailover(0))
	first := s.switched(rec, began)
	s.settled(top, old)
	s.until("the old master a replica", func() bool { return !old.IsMaster() })
	s.until("every simple program back", func() bool { return simple.allBack(first.At.Add(100 * time.Millisecond)) })
	simple.stop()
	a := s.audit(simple, s.final(top))
	s.Logf("A11: without GracefulFailover %d of %d acknowledged writes are lost", len(a.lost), a.acked)
	if len(a.lost) == 0 {
		s.Error("nothing was lost: the audit shows nothing")
	}
}

func TestA11ARefusedFailoverLiftsThePause(t *testing.T) {
	s := accept(t, "A11", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{Fast: true})
	c := s.client(top, client.Options{})
	for _, n := range top.Data[1:] {
		n.MustDo(s, "CONFIG", "SET", "replica-priority", "0") // never to be promoted
	}
	s.until("sentinels that know it", func() bool {
		for _, from := range top.Sentinels {
			r, err := from.Do("SENTINEL", "REPLICAS", top.Names[0])
			if err != nil {
				return false
			}
			for _, e := range r.Elems {
				if e.Map()["slave-priority"].Str != "0" {
					return false
				}
			}
		}
		return true
	})
	master := s.master(top)
	_, err := c.GracefulFailover(s.ctx, client.GracefulOptions{Pause: 20 * time.Second})
	var refusal *resp.Error
	if !errors.As(err, &refusal) || !strings.HasPrefix(refusal.Code, "NOGOODSLAVE") {
		s.Errorf("the error is %v", err)
	}
	failed := time.Now()
	master.MustDo(s, "SET", "k", "v")
	s.within("a write after the error", time.Since(failed), 200*time.Millisecond)
	if !master.IsMaster() {
		s.Error("it is no master any more")
	}
}
