package client_test

import (
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
