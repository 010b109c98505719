package conn_test

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// keep runs ECHO and keeps the reply.
func keep(t *testing.T, c *conn.Conn, want string) resp.Value {
	r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String(want)))
	if err != nil {
		t.Error(err)
		return nil
	}
	v := r.Value
	if !r.Keep() {
		r.Release()
		return v.Clone()
	}
	return v
}

func TestABufferThatNobodyHasAnyMoreServesTheNextReply(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := strings.Repeat("x", 1<<20)
	if _, err := text(t.Context(), c, set("k", want)); err != nil {
		t.Fatal(err)
	}
	for range 1000 { // when the collector has told is not ours to say
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := c.Do(t.Context(), get("k"))
		if err != nil {
			t.Fatal(err)
		}
		v := r.Value
		if !r.Keep() {
			t.Fatal("not kept")
		}
		if b, err := v.Bytes(); err != nil || string(b) != want {
			t.Fatal(len(b), err)
		}
		runtime.ReadMemStats(&after)
		if after.TotalAlloc-before.TotalAlloc < 1<<19 {
			return
		}
		runtime.GC()
	}
	t.Error("each of 1000 replies had a buffer of its own")
}

func TestWhatIsKeptStaysAsItIsWhileOtherBuffersComeBack(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var kept []resp.Value
			var wants [][]byte
			for i := range 60 {
				want := strings.Repeat(string(rune('a'+(g*60+i)%26)), (130+40*(i%6)+g)<<10)
				v := keep(t, c, want)
				if i%4 == 0 { // the part of a reply keeps all of it
					kept, wants = append(kept, v[len(v)/2:]), append(wants, resp.AppendBulk(nil, want)[len(v)/2:])
				}
				if i%5 == 0 {
					runtime.GC()
				}
			}
			for i := range kept {
				if !bytes.Equal(kept[i], wants[i]) {
					t.Errorf("caller %d: reply %d has changed", g, i)
				}
			}
		})
	}
	wg.Wait()
}
