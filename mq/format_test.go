package mq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// olderStep is the step of a program that knows format 1.
func olderStep(t *testing.T) *redis.Script[stepReply] {
	t.Helper()
	source := strings.Replace(stepScript.Source(), "local format = 2\n", "local format = 1\n", 1)
	if source == stepScript.Source() {
		t.Fatal("the script does not say its format")
	}
	return redis.NewScript(source, decodeStep)
}

// A program that knows format 1 goes on as long as nothing else is stored, and touches
// nothing from then on.
func TestOlderProgramsGoOnUntilSomethingNewIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx := t.Context()
		for name, add := range map[string]func(q *Queue[int]) error{
			"plain": func(q *Queue[int]) error {
				_, err := q.Enqueue(ctx, 1, ID("x"), In(time.Hour), WithPriority(High), Window(time.Hour))
				return err
			},
			"key": func(q *Queue[int]) error { _, err := q.Enqueue(ctx, 1, Key("k")); return err },
			"group": func(q *Queue[int]) error {
				_, err := q.EnqueueGroup(ctx, Group[int]{Members: []Item[int]{{Value: 1}}})
				return err
			},
			"result": func(q *Queue[int]) error { _, err := q.Enqueue(ctx, 1, KeepResult(time.Hour)); return err },
			"limit":  func(q *Queue[int]) error { return q.Limit(ctx, Limits{}) },
			"successor": func(q *Queue[int]) error {
				_, err := q.Enqueue(ctx, 1, ID("a"))
				if err == nil {
					_, err = q.Drain(ctx, func(context.Context, *Msg[int]) error {
						_, err := q.Enqueue(ctx, 1, ID("a"), OnDuplicate(Requeue), Key("k"), In(time.Hour))
						return err
					})
				}
				return err
			},
		} {
			q := New[int](c, name, Options{})
			w := q.newWorker(func(context.Context, *Msg[int]) error { return nil }, WorkerOptions{})
			w.begin(ctx)
			step := func() error {
				_, err := olderStep(t).Run(ctx, c, q.keys, w.stepArgs(nil, "t", 1, 0)...)
				return q.wrap("step", err)
			}
			if _, err := q.Enqueue(ctx, 0); err != nil {
				t.Fatal(err)
			}
			if err := step(); err != nil {
				t.Errorf("%s: before: %v", name, err)
			}
			if err := add(q); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := step(); errors.Is(err, ErrFormat) == (name == "plain") {
				t.Errorf("%s: after: %v", name, err)
			}
			if s, err := q.Stats(ctx); err != nil || s.Leased > 1 {
				t.Errorf("%s: the older program has claimed: %+v, %v", name, s, err)
			}
			if _, err := q.Drain(ctx, func(context.Context, *Msg[int]) error { return nil }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// What cannot be read says why: a version that is newer, or a field that is.
func TestAMessageThatIsNewerSaysWhatIsNotKnown(t *testing.T) {
	c := &core{name: "q"}
	for text, b := range map[string][]byte{
		`mq: queue "q": message of version 2, this program knows 1: update it`:                 {recordVersion + 1, 0, 0},
		`mq: queue "q": message with fields 0xa0, which this program does not know: update it`: {recordVersion, 0xa0 | hasKind, 0},
	} {
		_, err := c.record(b)
		f, ok := errors.AsType[*FormatError](err)
		if !ok || !f.Record || f.Known != recordVersion || err.Error() != text || !errors.Is(err, ErrFormat) {
			t.Errorf("%v, want %s", err, text)
		}
	}
	if f, ok := errors.AsType[*FormatError](c.wrap("step", &resp.Error{Code: "MQFORMAT", Message: "3"})); !ok || f.Record ||
		f.Error() != `mq: queue "q": format 3, this program knows 2: update it` {
		t.Error(f)
	}
}
