package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

func Example() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{Addr: "127.0.0.1:6379", ReadTimeout: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	r, err := c.Do(ctx, resp.NewCommand("INCR", resp.String("hits")))
	if err != nil {
		fmt.Println(err, conn.ClassOf(err) == conn.ClassMaybeExecuted)
		return
	}
	defer r.Release()
	fmt.Println(r.Int())
}

func ExampleDial() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := conn.Dial(ctx, conn.Options{
		Addr: "10.0.0.7:6379",
		Credentials: func(context.Context, string) (username, password string, err error) {
			token, err := os.ReadFile("/run/secrets/redis")
			return "app", strings.TrimSpace(string(token)), err
		},
		TLS:        &tls.Config{MinVersion: tls.VersionTLS12},
		ServerName: func(string) string { return "redis.example.com" }, // its certificate names no IP address
		ClientName: "teller",
		DB:         2,
		Role:       conn.RoleMaster,
	})
	var role *conn.RoleError
	var auth *conn.AuthError
	var foreign *conn.ForeignError
	switch {
	case errors.As(err, &role):
		fmt.Println("ask the sentinels again, this one is a", role.Got)
	case errors.As(err, &auth):
		fmt.Println("the token is no good:", auth)
	case errors.As(err, &foreign):
		fmt.Println("not a Redis port, it speaks", foreign.Speaks)
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(c.Addr(), c.Proto(), c.ServerInfo().Version, c.RoleReply())
		_ = c.Reauth(ctx) // when the token has changed
		_ = c.Close()
	}
}

func ExampleParseURL() {
	o, err := conn.ParseURL("rediss://app:secret@db.example.com:6380/2?client_name=teller&read_timeout=250ms")
	fmt.Println(o.Addr, o.Username, o.DB, o.ClientName, o.ReadTimeout, o.TLS != nil, err)
	// Output: db.example.com:6380 app 2 teller 250ms true <nil>
}

func ExampleConn_DoBatch() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	cmds := []resp.Command{
		resp.NewCommand("SET", resp.String("k"), resp.String("v")),
		resp.NewCommand("GET", resp.String("k")),
	}
	err = c.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		fmt.Println(cmds[i].Name(), v) // v is valid until this returns
	})
	var e *conn.Error
	if errors.As(err, &e) {
		fmt.Println(e.Sent, "commands may have left:", e)
	}
}

func ExampleConn_DoTo() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{}) // or a lease: pool.Pool.WithConn
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	n, err := c.DoTo(ctx, resp.NewCommand("GET", resp.String("backup")), os.Stdout)
	if errors.Is(err, resp.ErrNull) {
		fmt.Println("no such key")
	}
	fmt.Fprintln(os.Stderr, n, "bytes", err)
}

func ExampleConn_DoFrom() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	const size = 1 << 20
	body := io.LimitReader(strings.NewReader("..."), size)
	r, err := c.DoFrom(ctx, resp.NewCommand("SET", resp.String("backup")), size, body, resp.String("EX"), resp.Int(3600))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		fmt.Println("the reader was too short: nothing was set, c is closed")
		return
	}
	defer r.Release()
}

func ExampleConn_Receive() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	if err := c.Send(ctx, resp.NewCommand("SUBSCRIBE", resp.String("news"))); err != nil {
		fmt.Println(err)
		return
	}
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Value)
	}
}
