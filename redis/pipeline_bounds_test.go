package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// replying is a Doer that gives one reply after the other, and notes what it was asked.
type replying struct {
	replies []string
	asked   []string
	rooms   []int
	waits   []time.Duration
}

func (r *replying) next(cmd *resp.Command) resp.Value {
	words := []string{cmd.Name()}
	for i := range cmd.NArgs() {
		words = append(words, cmd.Arg(i).String())
	}
	r.asked = append(r.asked, strings.Join(words, " "))
	r.rooms = append(r.rooms, len(cmd.Room()))
	wait, _ := cmd.Timeout()
	r.waits = append(r.waits, wait)
	v := r.replies[0]
	if len(r.replies) > 1 {
		r.replies = r.replies[1:]
	}
	return resp.Value(v)
}

func (r *replying) Do(_ context.Context, cmd resp.Command) (resp.Reply, error) {
	return resp.NewReply(r.next(&cmd), nil), nil
}

func (r *replying) DoBatch(_ context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	for i := range cmds {
		each(i, r.next(&cmds[i]))
	}
	return nil
}

func TestAFutureOfWhatHasNotRunIsPending(t *testing.T) {
	d := &replying{replies: []string{":7\r\n"}}
	var p Pipeline
	early := Incr("n").Queue(&p)
	check(t, "before any run", errors.Is(early.Err(), ErrPending))
	for n := 1; n < 12; n++ {
		if err := p.Do(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		later, last := Incr("n").Queue(&p), Incr("n").Queue(&p)
		v, err := early.Value()
		check(t, "one that has run", v == 7 && err == nil)
		check(t, "those queued since", errors.Is(later.Err(), ErrPending) && errors.Is(last.Err(), ErrPending))
		early = last
	}
	p.Reset()
	check(t, "after Reset", errors.Is(early.Err(), ErrPending) && p.Len() == 0)
	check(t, "of no pipeline", errors.Is((Future[int64]{}).Err(), ErrPending))
}

func TestAnErrorInAPipelineIsTheAnswerToItsCommand(t *testing.T) {
	for _, front := range []string{"", "|1\r\n+a\r\n+b\r\n"} {
		for _, reply := range []string{"-LOADING in words of its own\r\n", "!27\r\nLOADING in words of its own\r\n"} {
			d := &replying{replies: []string{":1\r\n", front + ":1\r\n", front + reply, front + reply}}
			var p Pipeline
			one, two, get, eval := Incr("a").Queue(&p), Incr("a").Queue(&p), Get("a").Queue(&p), Eval(Int, "return 1", nil).Queue(&p)
			if err := errors.Join(p.Do(t.Context(), d), one.Err(), two.Err()); err != nil {
				t.Fatal(err)
			}
			if ClassOf(get.Err()) != ClassRejected || ClassOf(eval.Err()) != ClassAnswered {
				t.Errorf("%q: to GET %v, to EVAL %v", front+reply, ClassOf(get.Err()), ClassOf(eval.Err()))
			}
		}
	}
}

// Replies are copied to blocks that they share, or, if they are large, have memory of
// their own.
func TestRepliesOfAnySizeAreKept(t *testing.T) {
	for _, size := range []int{0, 1, 100, replyBlock/4 - 8, replyBlock/4 - 7, replyBlock/4 - 6, replyBlock / 2, replyBlock, 3 * replyBlock} {
		for _, n := range []int{1, 2, 3, 5, 40} {
			d := &replying{}
			var p Pipeline
			var futures []Future[string]
			for i := range n {
				d.replies = append(d.replies, bulk(sized(size, fmt.Sprint(i))))
				futures = append(futures, Get("k").Queue(&p))
			}
			for round := range 2 {
				if err := p.Do(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				for i, f := range futures {
					if got, err := f.Value(); err != nil || got != sized(size, fmt.Sprint(i)) {
						t.Fatalf("%d of %d bytes, round %d: reply %d is %.20q, %v", n, size, round, i, got, err)
					}
				}
			}
		}
	}
}

const unknownHash = "-NOSCRIPT No matching script. Please use EVAL.\r\n"

// A script that may wait on the server may wait also when it is sent with its source.
func TestAScriptThatIsSentAgainWithItsSourceMayWaitAsLong(t *testing.T) {
	s := NewScript(`return 1`, Text)
	var p Pipeline
	s.Queue(&p, nil)
	step := s.EvalSha(nil, resp.String("x"))
	step.Command = step.Command.WithTimeout(time.Minute)
	step.Queue(&p)
	d := &replying{replies: []string{"+1\r\n", unknownHash, "+2\r\n"}}
	if err := p.Do(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{0, time.Minute, time.Minute}; !slices.Equal(d.waits, want) {
		t.Errorf("%q wait %v, want %v", d.asked, d.waits, want)
	}
}

// The server changes in the middle of a flush: scripts at its end are sent again, the
// first of each with its source.
func TestScriptsThatANewServerDoesNotKnowAreSentAgain(t *testing.T) {
	a, b := NewScript(`return "a"`, Text), NewScript(`return "b"`, Text)
	shaA, shaB := a.Hash(), b.Hash()
	for name, row := range map[string]struct {
		queue   func(p *Pipeline) []Future[string]
		replies []string
		again   []string
		lost    []bool // which futures are ErrNoScript
	}{
		"the last ones": {
			func(p *Pipeline) []Future[string] {
				return []Future[string]{a.Queue(p, nil), b.Queue(p, nil), a.Queue(p, nil, "x"), b.Queue(p, nil, "y"), a.Queue(p, nil, "z")}
			},
			[]string{"+1\r\n", "+2\r\n", "+3\r\n", unknownHash, unknownHash, "+4\r\n", "+5\r\n"},
			[]string{"EVAL " + b.Source() + " 0 y", "EVAL " + a.Source() + " 0 z"}, []bool{false, false, false, false, false},
		},
		"the source once": {
			func(p *Pipeline) []Future[string] {
				return []Future[string]{a.Queue(p, nil), a.Queue(p, nil, "x"), a.ReadOnly().Queue(p, nil, "y"), a.Queue(p, nil, "z")}
			},
			[]string{"+1\r\n", unknownHash, unknownHash, unknownHash, "+2\r\n", "+3\r\n", "+4\r\n"},
			[]string{"EVAL " + a.Source() + " 0 x", "EVALSHA_RO " + shaA + " 0 y", "EVALSHA " + shaA + " 0 z"}, []bool{false, false, false, false},
		},
		"with something behind": {
			func(p *Pipeline) []Future[string] {
				return []Future[string]{a.Queue(p, nil), a.Queue(p, nil, "x"), Get("k").Queue(p)}
			},
			[]string{"+1\r\n", unknownHash, "+2\r\n"}, nil, []bool{false, true, false},
		},
		"one that another has sent": {
			func(p *Pipeline) []Future[string] {
				return []Future[string]{a.Queue(p, nil), EvalSha(Text, shaB, nil).Queue(p)}
			},
			[]string{"+1\r\n", unknownHash}, nil, []bool{false, true},
		},
		"with the word in an argument": {
			func(p *Pipeline) []Future[string] {
				return []Future[string]{a.Queue(p, nil), a.EvalSha(nil, resp.String("NOSCRIPT")).Queue(p)}
			},
			[]string{"+1\r\n", unknownHash}, nil, []bool{false, true},
		},
		"another error": {
			func(p *Pipeline) []Future[string] { return []Future[string]{a.Queue(p, nil), a.Queue(p, nil)} },
			[]string{"+1\r\n", "-LOADING x\r\n"}, nil, []bool{false, false},
		},
	} {
		var p Pipeline
		for range len(name) % 4 { // in flushes before
			b.Queue(&p, nil)
			if err := p.Do(t.Context(), &replying{replies: []string{okReply}}); err != nil {
				t.Fatal(name, err)
			}
		}
		futures := row.queue(&p)
		d := &replying{replies: slices.Clone(row.replies)}
		if err := p.Do(t.Context(), d); err != nil {
			t.Fatal(name, err)
		}
		if again := d.asked[len(futures):]; !slices.Equal(again, row.again) {
			t.Errorf("%s: sent again %q", name, again)
		}
		for i, f := range futures {
			if lost := errors.Is(f.Err(), ErrNoScript); lost != row.lost[i] {
				t.Errorf("%s: future %d: %v", name, i, f.Err())
			}
		}
	}
}

func TestAScriptIsSentByItsHashUnlessItMayAnswerNoScriptItself(t *testing.T) {
	plain, sly := NewScript("return 1", Int), NewScript("return redis.error_reply('NOSCRIPT x')", Int)
	may := NewScript("return redis.error_reply(ARGV[1])", Int)
	exists := func(n int) string { return wire(l{n}...) }
	for i, c := range []struct {
		s       *Script[int64]
		arg     string
		replies []string
		asked   string
		fails   bool
	}{
		{plain, "a", []string{":1\r\n"}, "EVALSHA", false}, {plain, "a", []string{unknownHash, ":1\r\n"}, "EVALSHA EVAL", false},
		{plain, "NOSCRIPT", []string{unknownHash, ":1\r\n"}, "EVALSHA EVAL", false}, {plain, "a", []string{"-NOSCRIPT mine\r\n"}, "EVALSHA", true},
		{sly, "a", []string{":1\r\n"}, "EVAL", false}, {sly, "a", []string{unknownHash}, "EVAL", true},
		{may, "a", []string{unknownHash, ":1\r\n"}, "EVALSHA EVAL", false},
		{may, "NOSCRIPT", []string{unknownHash, exists(0), ":1\r\n"}, "EVALSHA SCRIPT EXISTS EVAL", false},
		{may, "NOSCRIPT", []string{unknownHash, exists(1)}, "EVALSHA SCRIPT EXISTS", true},
		{may, "NOSCRIPT", []string{unknownHash, "*0\r\n"}, "EVALSHA SCRIPT EXISTS", true},
		{may.Idempotent(), "NOSCRIPT", []string{unknownHash, ":1\r\n"}, "EVALSHA EVAL", false},
		{may.ReadOnly(), "NOSCRIPT", []string{unknownHash, ":1\r\n"}, "EVALSHA_RO EVAL_RO", false},
	} {
		d := &replying{replies: c.replies}
		_, err := c.s.Do(t.Context(), d, nil, c.arg)
		var names []string
		for _, asked := range d.asked {
			name, _, _ := strings.Cut(asked, " "+c.s.Hash())
			name, _, _ = strings.Cut(name, " "+c.s.Source())
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != c.asked || (err != nil) != c.fails {
			t.Errorf("%d: %s, %v", i, got, err)
		}
	}
}

func TestRoomIsLentWhereItIsWorthIt(t *testing.T) {
	for _, held := range []int{0, 1, largeText} {
		for _, free := range []int{0, largeText - 1, largeText, largeText + 1, 3 * largeText} {
			d := &replying{replies: []string{bulk("v")}}
			dst := make([]byte, held, held+free)
			got, err := Into(Get("k"), dst).Do(t.Context(), d)
			want := 0
			if free > largeText {
				want = free
			}
			if err != nil || len(got) != held+1 || d.rooms[0] != want {
				t.Errorf("%d held, %d free: %d bytes lent, want %d", held, free, d.rooms[0], want)
			}
		}
	}
}
