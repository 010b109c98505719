package redistest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// setUp is what the tests of a program begin with. It takes a *testing.T as well as a
// *testing.B.
func setUp(t redistest.TB) (*redistest.Group, *client.Client) {
	t.Helper()
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	c, err := client.Open(context.Background(), g.Options(""))
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return g, c
}

// A test of a program: the group and the server end with it.
func ExampleNewGroup() {
	var tb redistest.TB = (*testing.T)(nil) // the function of a test gets one
	test := func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{})
		s := redistest.NewServer(t, redistest.ServerOptions{Password: "secret"})
		fmt.Println(g.Master(), s.Addr())
	}
	_, _, _ = tb, test, setUp
}

// What a master, a replica and the sentinels can do to a program.
func ExampleGroup_Crash() {
	ctx := context.Background()
	g, err := redistest.StartGroup(redistest.GroupOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	c, err := client.Open(ctx, g.Options(""))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	master, replica := g.Master(), g.Replicas()[0]

	fmt.Println(g.StopSentinel(0), len(g.Sentinels())) // the first of three
	fmt.Println(g.Hang(replica))                       // as kill -STOP
	fmt.Println(redis.Set("k", "v").Do(ctx, c))        // all that does not matter yet
	fmt.Println(g.Resume(replica), g.StartSentinel(0))

	moved := c.Moved(c.Generation())
	fmt.Println(g.Crash(master)) // as kill -9: the sentinels fail over by themselves
	<-moved
	fmt.Println(redis.Set("k", "v").Do(ctx, c), g.Master() != master)
	fmt.Println(g.Restart(master)) // and becomes a replica
	// Output:
	// <nil> 3
	// <nil>
	// <nil>
	// <nil> <nil>
	// <nil>
	// <nil> true
	// <nil>
}

// A connection to a server of a group that uses no sockets.
func ExampleGroup_Dial() {
	ctx := context.Background()
	g, err := redistest.StartGroup(redistest.GroupOptions{InMemory: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	c, err := conn.Dial(ctx, conn.Options{Addr: g.Master(), Dial: g.Dial})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(redis.Ping().Do(ctx, c))
	// Output: PONG <nil>
}

// A server of the program's own commands, and a look at what it was sent.
func ExampleServer_Handle() {
	ctx := context.Background()
	s, err := redistest.StartServer(redistest.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.SetKey("name", "kermes")
	s.Reply("DBSIZE", redistest.Int(7))
	s.Handle("MYMODULE.ADD", func(c *redistest.Peer, args []string) {
		if len(args) < 2 {
			c.Write(redistest.Error("ERR wrong number of arguments"))
			c.Close() // after that has been written
			return
		}
		c.Write(redistest.Text("added by connection " + fmt.Sprint(c.ID())))
	})
	s.Handle("GET", func(c *redistest.Peer, args []string) {
		if args[1] == "slow" {
			<-c.Done() // until the client has had enough
			return
		}
		c.Default(args)
	})

	c, err := conn.Dial(ctx, conn.Options{Addr: s.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(redis.DBSize().Do(ctx, c))
	fmt.Println(redis.New(redis.Text, "MYMODULE.ADD", "x").Do(ctx, c))
	fmt.Println(redis.Get("name").Do(ctx, c))
	fmt.Println(redis.Set("name", "scarlet").Do(ctx, c))
	name, ok := s.Key("name")
	fmt.Println(name, ok, s.Count("GET"))
	calls := s.Calls()
	fmt.Println(strings.Join(calls[len(calls)-1], " "))
	// Output:
	// 7 <nil>
	// added by connection 1 <nil>
	// kermes <nil>
	// <nil>
	// scarlet true 1
	// SET name scarlet
}

// What a network can do to a program.
func ExampleServer_Stall() {
	ctx := context.Background()
	s, err := redistest.StartServer(redistest.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	c, err := conn.Dial(ctx, conn.Options{Addr: s.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(s.Open(), s.Subscribers("news"), s.Publish("news", "nobody hears it"))

	s.Stall(true) // commands arrive, and nothing is answered
	s.Stall(false)
	fmt.Println(s.Refuse(true)) // new connections are refused
	fmt.Println(s.Refuse(false))
	s.CloseAll() // and those that there are break
	_, err = redis.Ping().Do(ctx, c)
	fmt.Println(err != nil, c.Broken())
	// Output:
	// 1 0 0
	// <nil>
	// <nil>
	// true true
}

// Replies of every kind.
func ExampleArray() {
	fake := redistest.Func(func(args []string) string {
		switch args[0] {
		case "HGETALL":
			return redistest.Map(redistest.Bulk("name"), redistest.Bulk("ada"))
		case "LRANGE":
			return redistest.Bulks("a", "b")
		case "ZSCORE":
			return redistest.Double(1.5)
		case "TIME":
			return redistest.Array(redistest.Bulk("1700000000"), redistest.Bulk("5"))
		}
		return redistest.OK
	})
	ctx := context.Background()
	fmt.Println(redis.HGetAll("user:7").Do(ctx, fake))
	fmt.Println(redis.LRange("queue", 0, -1).Do(ctx, fake))
	fmt.Println(redis.ZScore("board", "ada").Do(ctx, fake))
	fmt.Println(redis.Set("k", "v").Do(ctx, fake))
	// Output:
	// map[name:ada] <nil>
	// [a b] <nil>
	// 1.5 <nil>
	// <nil>
}
