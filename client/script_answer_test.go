package client_test

import (
	"errors"
	"testing"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

func TestAScriptThatAnswersLikeARefusalRunsOnce(t *testing.T) {
	node := testredis.New(t)
	c, err := kermes.Open(t.Context(), "redis://"+node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := redis.NewScript(`redis.call("INCR", KEYS[1]) return redis.error_reply(ARGV[1])`, redis.Int)
	runs := int64(0)
	for _, text := range []string{"BUSY the lock is held", "LOADING x", "READONLY mine", "NOSCRIPT mine", "UNBLOCKED x", "NOREPLICAS x", "MASTERDOWN x"} {
		for range 2 {
			_, err := s.Do(t.Context(), c, []string{"n"}, text)
			runs++
			if err == nil || err.Error() != text || redis.ClassOf(err) != redis.ClassAnswered {
				t.Errorf("%q: %v is %v", text, err, redis.ClassOf(err))
			}
			var p redis.Pipeline
			f := s.Queue(&p, []string{"n"}, text)
			err = p.Do(t.Context(), c)
			runs++
			if err != nil || f.Err() == nil || redis.ClassOf(f.Err()) != redis.ClassAnswered {
				t.Errorf("%q in a pipeline: %v, %v is %v", text, err, f.Err(), redis.ClassOf(f.Err()))
			}
		}
	}
	n, err := redis.As(redis.Get("n"), redis.Int).Do(t.Context(), c)
	if err != nil || n != runs {
		t.Errorf("%d calls ran the script %d times, %v", runs, n, err)
	}
}

// The server's own sentence, which a script may hold, be given, or be given a part of.
func TestAScriptThatAnswersTheServersNoScriptRunsOnce(t *testing.T) {
	node := testredis.New(t)
	c, err := kermes.Open(t.Context(), "redis://"+node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const text = "NOSCRIPT No matching script. Please use EVAL."
	for name, s := range map[string]*redis.Script[int64]{
		"in its source":    redis.NewScript(`redis.call("INCR", KEYS[1]) return redis.error_reply("`+text+`")`, redis.Int),
		"as a table":       redis.NewScript(`redis.call("INCR", KEYS[1]) return {err = "`+text+`"}`, redis.Int),
		"from an argument": redis.NewScript(`redis.call("INCR", KEYS[1]) return redis.error_reply(ARGV[1])`, redis.Int),
		"from a key":       redis.NewScript(`redis.call("INCR", KEYS[1]) return redis.error_reply(KEYS[2])`, redis.Int),
		"from a part":      redis.NewScript(`redis.call("INCR", KEYS[1]) return redis.error_reply(ARGV[2] .. " No matching script. Please use EVAL.")`, redis.Int),
	} {
		t.Run(name, func(t *testing.T) {
			keys, args := []string{"n", text}, []any{text, "NOSCRIPT"}
			if err := errors.Join(redis.ScriptFlush(false).Do(t.Context(), c), redis.FlushAll(false).Do(t.Context(), c)); err != nil {
				t.Fatal(err)
			}
			runs := int64(0)
			ran := func(how string, times int64, errs ...error) {
				t.Helper()
				runs += times
				n, err := redis.As(redis.Get("n"), redis.Int).Do(t.Context(), c)
				if err != nil || n != runs {
					t.Errorf("%s: run %d times, want %d, %v", how, n, runs, err)
				}
				runs = n
				for _, err := range errs {
					if !errors.Is(err, redis.ErrNoScript) || redis.ClassOf(err) != redis.ClassAnswered {
						t.Errorf("%s: %v is %v", how, err, redis.ClassOf(err))
					}
				}
			}
			for range 3 { // the server does not know it at first
				_, err := s.Do(t.Context(), c, keys, args...)
				ran("alone", 1, err)
			}
			for how, run := range map[string]func(p *redis.Pipeline) error{
				"in a pipeline": func(p *redis.Pipeline) error { return p.Do(t.Context(), c) },
				"in MULTI":      func(p *redis.Pipeline) error { return p.Exec(t.Context(), c) },
			} {
				for range 2 {
					var p redis.Pipeline
					f, g, h := s.Queue(&p, keys, args...), s.Queue(&p, keys, args...), s.Queue(&p, keys, args...)
					if err := run(&p); err != nil {
						t.Fatal(err)
					}
					ran(how, 3, f.Err(), g.Err(), h.Err())
				}
			}
		})
	}
}
