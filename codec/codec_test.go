package codec

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
)

type point struct{ X, Y int }

// broken is a codec of the user's that fails.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Encode(any) ([]byte, error) { return nil, errBroken }
func (broken) Decode([]byte, any) error   { return errBroken }

func TestValuesComeBackThroughACodec(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ctx := t.Context()
		for name, codec := range map[string]redis.Codec{"json": JSON{}, "gob": Gob{}} {
			in := point{1, -2}
			set, err := redis.SetAs(codec, name, in, redis.SetOptions{}).Do(ctx, c)
			if !set || err != nil {
				t.Fatal(set, err)
			}
			out, err := redis.GetAs[point](codec, name).Do(ctx, c)
			if out != in || err != nil {
				t.Error(name, out, err)
			}
			ptr, err := redis.GetAs[*point](codec, name).Do(ctx, c)
			if err != nil || *ptr != in {
				t.Error(name, ptr, err)
			}
			many, err := redis.As(redis.MGet(name, "none"), redis.ListOf(redis.OptOf(redis.By[point](codec)))).Do(ctx, c)
			if diff := cmp.Diff([]redis.Opt[point]{redis.Some(in), {}}, many); err != nil || diff != "" {
				t.Error(name, err, diff)
			}
			if _, err := redis.GetAs[point](codec, "none").Do(ctx, c); !errors.Is(err, redis.ErrNil) {
				t.Error(name, err)
			}
			if err := redis.Set("junk", "\x00{junk").Do(ctx, c); err != nil {
				t.Fatal(err)
			}
			if _, err := redis.GetAs[point](codec, "junk").Do(ctx, c); err == nil {
				t.Error(name, "junk was decoded")
			}
			if redis.SetAs(codec, name, make(chan int), redis.SetOptions{}).Invalid() == nil {
				t.Error(name, "a channel was encoded")
			}
		}
		if err := redis.SetAs(broken{}, "k", 1, redis.SetOptions{}).Invalid(); redis.ClassOf(err) != redis.ClassNotSent {
			t.Error(err)
		}
		if _, err := redis.GetAs[int](broken{}, "json").Do(ctx, c); !errors.Is(err, errBroken) {
			t.Error(err)
		}
	})
}

func FuzzGobDecodesOrFails(f *testing.F) {
	b, err := Gob{}.Encode(point{1, 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		var p point
		_ = Gob{}.Decode(b, &p)
	})
}
