package pool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

func Example() {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "127.0.0.1:6379"}})
	defer p.Close()
	ctx := context.Background()
	r, err := p.Do(ctx, resp.NewCommand("INCR", resp.String("hits")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Release()
	fmt.Println(r.Int())
}

func ExampleNew() {
	p := pool.New(pool.Options{
		Conn:        conn.Options{Addr: "127.0.0.1:6379", ReadTimeout: time.Second},
		MaxConns:    50, // 40 of them may wait in BLPOP
		MinIdle:     2,
		IdleTime:    time.Minute,
		MaxLifetime: 30 * time.Minute,
	})
	defer p.Close()
	fmt.Println(p.Addr(), p.Ping(context.Background()))
	st := p.Stats()
	fmt.Println(st.Open, "open,", st.Idle, "idle,", st.Dials, "dials, the last:", st.LastDialError)
}

func ExamplePool_WithConn() {
	p := pool.New(pool.Options{})
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := p.WithConn(ctx, func(c *conn.Conn) error {
		r, err := c.Do(ctx, resp.NewCommand("CLIENT TRACKING", resp.String("ON")))
		if err != nil {
			return err
		}
		r.Release()
		return nil // c is not as it was, and will be closed
	})
	var wait *pool.WaitError
	if errors.As(err, &wait) {
		fmt.Println("all", wait.Limit, "connections are leased:", err)
	}
}

func ExamplePool_Reauth() {
	password := make(chan string)
	current := "first"
	p := pool.New(pool.Options{Conn: conn.Options{
		Credentials: func(context.Context, string) (string, string, error) { return "app", current, nil },
	}})
	defer p.Close()
	go func() { password <- "second" }()
	current = <-password // the vault has issued another one
	if err := p.Reauth(context.Background()); err != nil {
		fmt.Println(err)
	}
}

func ExamplePool_Renew() {
	p := pool.New(pool.Options{Conn: conn.Options{Addr: "redis.internal:6379"}})
	defer p.Close()
	moved := make(chan struct{}) // somebody tells that the name leads elsewhere
	go func() {
		for {
			select {
			case <-moved:
				p.Renew() // calls under way end where they are
			case <-p.Done():
				return
			}
		}
	}()
}
