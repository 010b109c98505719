package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func ExampleOpen() {
	ctx := context.Background()
	c, err := client.Open(ctx, client.Options{
		Master: "mymaster",
		Group:  sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
	})
	switch {
	case errors.Is(err, sentinel.ErrMasterUnknown):
		log.Fatal("the sentinels do not know that master: ", err)
	case errors.Is(err, sentinel.ErrNoSentinel):
		log.Fatal("no sentinel can be reached: ", err)
	case err != nil:
		log.Fatal(err)
	}
	defer c.Close()
	n, err := redis.Incr("visits").Do(ctx, c)
	switch conn.ClassOf(err) {
	case conn.ClassNone:
		fmt.Println(n, "visits")
	case conn.ClassMaybeExecuted:
		fmt.Println("counted, or not:", err)
	default:
		fmt.Println("not counted:", err)
	}
}

func ExampleParseURL() {
	o, err := client.ParseURL("redis-sentinel://10.0.0.1,[::1]:26380/mymaster/2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.Master, o.Pool.Conn.DB, o.Group.Sentinels)
	// Output: mymaster 2 [10.0.0.1:26379 [::1]:26380]
}

func ExampleClient_Replicas() {
	ctx := context.Background()
	c, err := client.Open(ctx, client.Options{
		Master: "mymaster",
		Group:  sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}},
		Replicas: client.ReplicaOptions{
			Policy: client.PreferReplica,
			Choose: client.LowestLatency(),
			MaxLag: 1 << 20,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	name, err := redis.Get("name").Do(ctx, c.Replicas())
	fmt.Println(name, err)
}

func ExampleChooserFunc() {
	// The replica with the least lag.
	freshest := client.ChooserFunc(func(nodes []client.Node) int {
		best := 0
		for i, n := range nodes {
			if n.Lag < nodes[best].Lag {
				best = i
			}
		}
		return best
	})
	fmt.Println(freshest.Choose([]client.Node{{Addr: "a", Lag: 90}, {Addr: "b", Lag: 7}}))
	// Output: 1
}

func ExampleClient_Status() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Verify(ctx); err != nil {
		c.Invalidate()
	}
	_ = json.NewEncoder(os.Stdout).Encode(c.Status())
}

func ExampleClient_GracefulFailover() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	report, err := c.GracefulFailover(ctx, client.GracefulOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Old, "->", report.New, "paused", report.Paused)
}

func ExampleClient_Listen() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	stop := c.Listen(func(e sentinel.Event) {
		if e.Kind == sentinel.EventSwitched {
			fmt.Println(e.Time, e.Master, e.OldAddr, "->", e.Addr, "epoch", e.Epoch)
		}
	})
	defer stop()
}

func ExampleOpenIn() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	c, err := client.OpenIn(ctx, g, client.Options{Master: "mymaster"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

func ExampleClient_Reauth() {
	ctx := context.Background()
	rotated := make(chan struct{}) // the vault sends when it has issued another password
	o := client.Options{Rotated: rotated}
	o.Pool.Conn.Credentials = func(context.Context, string) (string, string, error) { return "app", os.Getenv("REDIS_PASSWORD"), nil }
	c, err := client.Open(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Reauth(ctx); err != nil { // by hand
		log.Print(err)
	}
}

func ExampleRetryError() {
	c, err := client.Open(context.Background(), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = redis.Set("k", "v").Do(context.Background(), c)
	var retry *client.RetryError
	if errors.As(err, &retry) {
		fmt.Println(retry.Command, "was tried", retry.Attempts, "times:", retry.Err)
	}
}

// Whoever keeps something that a master has said must know when it is another one.
func ExampleClient_Moved() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for {
		generation := c.Generation()
		fmt.Println(c.Name(), c.Master(), c.Epoch(), "writes wait:", c.Held())
		select {
		case <-c.Moved(generation):
		case <-c.Done():
			return
		}
	}
}

func ExampleClient_WithConn() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = c.WithConn(ctx, func(cn *conn.Conn) error {
		id, err := redis.ClientID().Do(ctx, cn) // of the connection that follows, too
		if err != nil {
			return err
		}
		return redis.Set("connection", strconv.FormatInt(id, 10)).Do(ctx, cn)
	})
	if errors.Is(err, client.ErrSwitched) {
		fmt.Println("what was done may be lost:", err)
	}
}

// MONITOR and the like need a connection of their own.
func ExampleClient_Dial() {
	ctx := context.Background()
	c, err := kermes.Open(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for line, err := range redis.Monitor(ctx, c.Dial) {
		fmt.Println(line.Text, err)
	}
}

func ExampleReplicas() {
	ctx := context.Background()
	c, err := client.Open(ctx, client.Options{
		Master:   "mymaster",
		Group:    sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}},
		Replicas: client.ReplicaOptions{Policy: client.ReplicaOnly, Choose: client.RoundRobin()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	r := c.Replicas()
	one := r.Pin() // a scan stays with one of them
	for key, err := range redis.Scan(ctx, one, redis.ScanOptions{}) {
		fmt.Println(key, err)
	}
	err = r.WithConn(ctx, func(cn *conn.Conn) error {
		_, err := redis.Ping().Do(ctx, cn)
		return err
	})
	fmt.Println(err, r.Nodes())
	for _, s := range r.Status() { // each is a ReplicaStatus
		fmt.Println(s.Addr, s.Serving, s.Lag, s.Err, s.Pool.Idle)
	}
}

func ExampleChooser() {
	nodes := []client.Node{{Addr: "a"}, {Addr: "b"}}
	for _, c := range []client.Chooser{client.First(), client.Random(), client.RoundRobin()} {
		fmt.Println(c.Choose(nodes) < len(nodes))
	}
	// Output:
	// true
	// true
	// true
}
