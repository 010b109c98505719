package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// A server may put an attribute before any reply, an error too: it refuses as before.
func TestARefusalBehindAnAttributeIsOne(t *testing.T) {
	const attribute = "|1\r\n$3\r\nttl\r\n:60\r\n"
	for name, reply := range map[string]string{
		"READONLY": refusesWrites, "LOADING": loading, "MASTERDOWN": masterDown, "BUSY": busy, "NOREPLICAS": noReplicas,
		"a long one": "!22\r\nLOADING and what it is\r\n",
	} {
		oneServer(t, client.Options{RetryTime: 10 * time.Second}, func(t *testing.T, s *testserver.Server, c *client.Client) {
			twice := func(way, command string, err error) {
				t.Helper()
				if n := s.Count(command); err != nil || n != 2 {
					t.Errorf("%s, %s: %v after %d", name, way, err, n)
				}
				s.ResetCalls()
			}
			s.ReplyOnce("SET", attribute+reply)
			twice("alone", "SET", redis.Set("k", "v").Do(t.Context(), c))

			s.ReplyOnce("SET", attribute+reply)
			var p redis.Pipeline
			set := redis.Set("k", "v").Queue(&p)
			if err := p.Do(t.Context(), c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			twice("in a batch", "SET", set.Err())

			s.ReplyOnce("MULTI", attribute+reply)
			s.ReplyOnce("SET", attribute+reply)
			var tx redis.Pipeline
			set = redis.Set("k", "v").Queue(&tx)
			err := tx.Exec(t.Context(), c)
			if e, ok := errors.AsType[*resp.Error](err); !ok || !e.Rejected() || redis.ClassOf(err) != redis.ClassRejected || redis.ClassOf(set.Err()) != redis.ClassRejected {
				t.Errorf("%s, in MULTI: %v, %v", name, err, set.Err())
			}
		})
	}
}
