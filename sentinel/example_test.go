package sentinel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func ExampleOpen() {
	ctx := context.Background()
	c, err := sentinel.Open(ctx, sentinel.Options{
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

func ExampleOpenURL() {
	ctx := context.Background()
	// redis://localhost in development, without any other change.
	c, err := sentinel.OpenURL(ctx, "redis-sentinel://app:secret@10.0.0.1,10.0.0.2,10.0.0.3/mymaster/0?sentinel_password=other")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

func ExampleParseURL() {
	o, err := sentinel.ParseURL("redis-sentinel://10.0.0.1,[::1]:26380/mymaster/2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.Master, o.Pool.Conn.DB, o.Group.Sentinels)
	// Output: mymaster 2 [10.0.0.1:26379 [::1]:26380]
}

func ExampleClient_Replicas() {
	ctx := context.Background()
	c, err := sentinel.Open(ctx, sentinel.Options{
		Master: "mymaster",
		Group:  sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}},
		Replicas: sentinel.ReplicaOptions{
			Policy: sentinel.PreferReplica,
			Choose: sentinel.LowestLatency(),
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
	freshest := sentinel.ChooserFunc(func(nodes []sentinel.Node) int {
		best := 0
		for i, n := range nodes {
			if n.Lag < nodes[best].Lag {
				best = i
			}
		}
		return best
	})
	fmt.Println(freshest.Choose([]sentinel.Node{{Addr: "a", Lag: 90}, {Addr: "b", Lag: 7}}))
	// Output: 1
}

func ExampleGroup() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	defer g.Listen(sentinel.LogEvents(slog.Default()))()
	// The clients of a group share one link to each sentinel.
	sessions, err := g.Open(ctx, sentinel.Options{Master: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	orders, err := g.Open(ctx, sentinel.Options{Master: "orders", RequireQuorum: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sessions.Master(), orders.Master())
}

func ExampleGroups() {
	ctx := context.Background()
	var groups sentinel.Groups
	defer groups.Close()
	if _, err := groups.Add("eu", sentinel.GroupOptions{Sentinels: []string{"eu-1", "eu-2", "eu-3"}}); err != nil {
		log.Fatal(err)
	}
	c, err := groups.Open(ctx, "eu", sentinel.Options{Master: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Master())
	_ = groups.Remove("eu") // the client's calls return ErrClosed from now on
}

func ExampleGroup_Resolve() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	addr, epoch, err := g.Resolve(ctx, "mymaster")
	fmt.Println(addr, epoch, err)
}

func ExampleGroup_Dial() {
	ctx := context.Background()
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	cn, err := g.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer cn.Close()
	info, err := redis.New(redis.Text, "INFO", "sentinel").Do(ctx, cn)
	fmt.Println(info, err)
}

func ExampleClient_Status() {
	ctx := context.Background()
	c, err := sentinel.OpenURL(ctx, "redis-sentinel://10.0.0.1/mymaster")
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
	c, err := sentinel.OpenURL(ctx, "redis-sentinel://10.0.0.1/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	report, err := c.GracefulFailover(ctx, sentinel.GracefulOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Old, "->", report.New, "paused", report.Paused)
}

func ExampleClient_Listen() {
	ctx := context.Background()
	c, err := sentinel.OpenURL(ctx, "redis-sentinel://10.0.0.1/mymaster")
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
