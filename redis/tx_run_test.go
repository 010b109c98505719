package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// answering gives replies to a transaction: by one call, as a connection does where none is
// an error, or one by one.
type answering struct {
	canned
	replies []string
	each    bool
}

func (a *answering) DoEncoded(_ context.Context, _ *resp.Batch, _ int, to resp.Receiver) error {
	var buf []byte
	var ends []int
	for _, r := range a.replies {
		buf = append(buf, r...)
		ends = append(ends, len(buf))
	}
	odd := slices.ContainsFunc(a.replies, func(r string) bool { return resp.Value(r).MayBeError() })
	if a.each || odd {
		resp.GiveEach(to, 0, buf, ends)
	} else {
		resp.GiveRun(to, 0, buf, ends)
	}
	return nil
}

// transaction is what MULTI, n commands and EXEC are answered with.
func transaction(n int, results string) []string {
	return slices.Concat([]string{okReply}, slices.Repeat([]string{queuedReply}, n), []string{results})
}

// run executes n commands that are answered so, behind some that have run before, and says
// what came of each and of all.
func (a *answering) run(t *testing.T, n int) (all string) {
	t.Helper()
	var p Pipeline
	Get("before").Queue(&p)
	before := &answering{replies: []string{"$1\r\nb\r\n"}, each: true}
	if err := p.Do(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	var got []Future[resp.Value]
	for range n {
		got = append(got, p.Add(resp.NewCommand("GET", resp.String("k"))))
	}
	if err := p.refuseStateful(); err != nil {
		t.Fatal(err)
	}
	unknown, err := p.exec(t.Context(), a)
	p.end()
	all = fmt.Sprintln(unknown, err)
	for _, f := range got {
		v, err := f.Value()
		all += fmt.Sprintf("%q %v\n", v, err)
	}
	return all
}

func TestTheRepliesOfATransactionMeanTheSameHoweverTheyCome(t *testing.T) {
	const text = "$3\r\nabc\r\n"
	many := strings.Repeat(text+":1\r\n+OK\r\n", 10)
	long := "$5000\r\n" + strings.Repeat("x", 5000) + "\r\n"
	for name, test := range map[string]struct {
		n       int
		replies []string
		good    bool
	}{
		"usual":                  {3, transaction(3, "*3\r\n+OK\r\n"+text+":1\r\n"), true},
		"many":                   {30, transaction(30, "*30\r\n"+many), true},
		"exactly a run":          {fewReplies, transaction(fewReplies, "*10\r\n"+strings.Repeat(text, 10)), true},
		"nested":                 {2, transaction(2, "*2\r\n*2\r\n"+text+"*0\r\n_\r\n"), true},
		"long":                   {2, transaction(2, "*2\r\n"+long+text), true},
		"an error inside":        {3, transaction(3, "*3\r\n+OK\r\n-WRONGTYPE no\r\n:1\r\n"), true},
		"an error late":          {30, transaction(30, "*30\r\n"+many[:len(many)-5]+"-ERR no\r\n"), true},
		"an attribute inside":    {1, transaction(1, "*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n"), true},
		"a conflict":             {2, transaction(2, "*-1\r\n"), false},
		"a conflict of protocol": {2, transaction(2, "_\r\n"), false},
		"nothing":                {0, transaction(0, "*0\r\n"), true},
		"a conflict of nothing":  {0, transaction(0, "*-1\r\n"), false},
		"too few results":        {3, transaction(3, "*2\r\n:1\r\n:2\r\n"), false},
		"too many results":       {1, transaction(1, "*2\r\n:1\r\n:2\r\n"), true},
		"a streamed array":       {2, transaction(2, "*?\r\n:1\r\n:2\r\n.\r\n"), true},
		"a text":                 {2, transaction(2, "+OK\r\n"), false},
		"MULTI answers more":     {2, append([]string{"+OKAY\r\n"}, transaction(2, "*2\r\n:1\r\n:2\r\n")[1:]...), false},
		"one is not queued":      {2, []string{okReply, queuedReply, "+QUEUES\r\n", "*1\r\n:1\r\n"}, true},
		"one is answered":        {2, []string{okReply, ":1\r\n", queuedReply, "*1\r\n:1\r\n"}, true},
		"of the same length":     {2, []string{okReply, "+QUEUE\r\n", "+QUEUEDD\r\n", "*2\r\n:1\r\n:2\r\n"}, true},
		"queued by a string":     {1, []string{"$2\r\nOK\r\n", "$6\r\nQUEUED\r\n", "*1\r\n:1\r\n"}, true},
		"MULTI is refused":       {1, []string{"-NOPERM no\r\n", ":1\r\n", "-ERR EXEC without MULTI\r\n"}, false},
		"EXEC is refused":        {1, transaction(1, "-EXECABORT no\r\n"), false},
	} {
		each, run := &answering{replies: test.replies, each: true}, &answering{replies: test.replies}
		want, got := each.run(t, test.n), run.run(t, test.n)
		if want != got {
			t.Errorf("%s: %s\none by one: %s", name, got, want)
		}
		if good := strings.HasPrefix(got, "false <nil>"); good != test.good {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestResultsOfATransactionAreKeptWhereTheyAreFound(t *testing.T) {
	var want []string
	results := []byte("*25\r\n")
	for i := range 25 {
		want = append(want, strings.Repeat("v", i)+fmt.Sprint(i))
		results = resp.AppendBulk(results, want[i])
	}
	a := &answering{replies: transaction(25, string(results))}
	var p Pipeline
	var got []Future[string]
	for range want {
		got = append(got, Get("k").Queue(&p))
	}
	if err := p.refuseStateful(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.exec(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	p.end()
	if p.odd != nil {
		t.Error("it went the way of those that are not usual")
	}
	for i, f := range got {
		if v, err := f.Value(); v != want[i] || err != nil {
			t.Errorf("%d: %q, %v", i, v, err)
		}
	}
}

// What one transaction was told is not held against the next.
func TestARefusedTransactionIsForgottenByTheNext(t *testing.T) {
	var p Pipeline
	for range 2 {
		Get("k").Queue(&p)
		if err := p.refuseStateful(); err != nil {
			t.Fatal(err)
		}
		refused := &answering{replies: []string{"-NOPERM no\r\n", "-NOPERM no\r\n", "-ERR EXEC without MULTI\r\n"}}
		if unknown, err := p.exec(t.Context(), refused); !unknown || err == nil {
			t.Fatal(unknown, err)
		}
		p.queued.Free() // as where a panic keeps end from being called
		good := Get("k").Queue(&p)
		if err := p.refuseStateful(); err != nil {
			t.Fatal(err)
		}
		if unknown, err := p.exec(t.Context(), &answering{replies: transaction(1, "*1\r\n$1\r\nv\r\n")}); unknown || err != nil {
			t.Error(unknown, err)
		}
		p.end()
		if v, err := good.Value(); v != "v" || err != nil {
			t.Error(v, err)
		}
	}
}

func TestATransactionOnATxThatIsOverSendsNothing(t *testing.T) {
	s, c := fake(t)
	var kept *Tx
	if err := Watch(t.Context(), On(c), nil, func(tx *Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	s.ResetCalls()
	var p Pipeline
	f := Incr("k").Queue(&p)
	err := p.Exec(t.Context(), kept)
	_, inFuture := f.Value()
	if !errors.Is(err, ErrTxOver) || !errors.Is(inFuture, ErrTxOver) || len(s.Calls()) > 0 {
		t.Errorf("%v, %v; %v was sent", err, inFuture, s.Calls())
	}
}

func TestALongTransactionAllocatesNoMoreThanAShortOne(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	measure := func(n int) float64 {
		a := &answering{replies: []string{string(bytes.Join([][]byte{
			[]byte(okReply), bytes.Repeat([]byte(queuedReply), n), fmt.Appendf(nil, "*%d\r\n", n), bytes.Repeat([]byte(":1\r\n"), n),
		}, nil))}}
		var ends []int
		for i := range n + 1 {
			ends = append(ends, len(okReply)+i*len(queuedReply))
		}
		ends = append(ends, len(a.replies[0]))
		var p Pipeline
		return testing.AllocsPerRun(50, func() {
			p.Reset()
			for range n {
				Incr("key").Queue(&p)
			}
			p.begin()
			(*txReplies)(&p).ReceiveRun(0, []byte(a.replies[0]), ends)
		})
	}
	if few, many := measure(5), measure(400); many > few+2 {
		t.Errorf("5 commands: %.0f allocations, 400: %.0f", few, many)
	}
}
