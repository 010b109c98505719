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

func TestANewerRecordNamesTheVersionOfRecords(t *testing.T) {
	_, err := parseRecord([]byte{recordVersion + 1, 0, 0})
	if f, ok := errors.AsType[*FormatError](err); !ok || f.Found != "2" || f.Known != recordVersion {
		t.Error(err)
	}
}
