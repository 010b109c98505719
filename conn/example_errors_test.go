package conn_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// What the class of an error says about sending the command again.
func ExampleClassOf() {
	again := func(cmd resp.Command, err error) bool {
		switch conn.ClassOf(err) {
		case conn.ClassNotSent, conn.ClassRejected:
			return true // any command, elsewhere or later
		case conn.ClassMaybeExecuted:
			return cmd.Flags()&(resp.ReadOnly|resp.Idempotent) != 0
		case conn.ClassAnswered: // the same answer comes again
		case conn.ClassNone: // no error, or one that is about no command
		}
		return false
	}
	incr, get := resp.NewCommand("INCR", resp.String("n")), resp.NewCommand("GET", resp.String("n")).Flagged()
	lost := &conn.Error{Op: conn.OpRead, Step: "INCR", Addr: "10.0.0.7:6379", Class: conn.ClassMaybeExecuted, Err: conn.ErrTimeout}
	fmt.Println(again(incr, lost), again(get, lost), again(incr, resp.ParseError("LOADING Redis is loading the dataset in memory")))
	// Output: false true true
}

// What Error tells besides its class.
func ExampleError() {
	c, err := conn.Dial(context.Background(), conn.Options{Addr: "127.0.0.1:1"})
	if err == nil {
		defer c.Close()
	}
	var e *conn.Error
	if !errors.As(err, &e) {
		return
	}
	switch e.Op {
	case conn.OpDial, conn.OpHandshake:
		fmt.Println("no connection; dialling again may help:", !conn.IsPermanent(err), "timeout:", e.Timeout())
	case conn.OpWait, conn.OpLook:
		fmt.Println("nothing was sent")
	case conn.OpWrite, conn.OpRead:
		fmt.Println("the connection broke")
	case conn.OpStream:
		fmt.Println("the caller's own reader or writer failed")
	}
	// Output: no connection; dialling again may help: true timeout: false
}

// A connection can say that it will not do what it was asked for.
func ExampleConn_Do() {
	ctx := context.Background()
	c, err := conn.Dial(ctx, conn.Options{Shared: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	r, err := c.Do(ctx, resp.NewCommand("SELECT", resp.Int(1)))
	switch {
	case errors.Is(err, conn.ErrStateful):
		fmt.Println("others use the connection: lease one")
	case errors.Is(err, conn.ErrLeaseOver), errors.Is(err, conn.ErrInUse), errors.Is(err, conn.ErrEmptyCommand):
		fmt.Println("a mistake of the caller")
	case errors.Is(err, conn.ErrTimeout):
		fmt.Println("the server is silent")
	case errors.Is(err, conn.ErrClosed):
		fmt.Println("c was closed")
	case err != nil:
		fmt.Println(err)
	default:
		r.Release()
	}
}

// What listens there, if it is no Redis server.
func ExampleForeignError() {
	explain := func(err error) string {
		var foreign *conn.ForeignError
		var peer *conn.PeerError
		switch {
		case errors.As(err, &foreign):
			switch foreign.Speaks {
			case conn.SpeaksTLS, conn.SpeaksPlain:
				return "TLS is set on one side only"
			case conn.SpeaksHTTP, conn.SpeaksSSH, conn.SpeaksMail, conn.SpeaksMySQL, conn.SpeaksMemcached:
				return "a wrong port: it speaks " + foreign.Speaks
			}
			return conn.SpeaksOther
		case errors.As(err, &peer):
			switch peer.Got {
			case conn.PeerSentinel:
				return "the port of a sentinel was given for that of a " + conn.PeerServer
			case conn.PeerCluster:
				return "Redis Cluster is not supported"
			}
		}
		return "no diagnosis"
	}
	fmt.Println(explain(&conn.ForeignError{Speaks: conn.SpeaksHTTP}))
	fmt.Println(explain(&conn.PeerError{Want: conn.PeerServer, Got: conn.PeerSentinel}))
	// Output:
	// a wrong port: it speaks HTTP
	// the port of a sentinel was given for that of a data server
}

// A health check of a replica on a unix socket.
func ExampleOptions() {
	o := conn.Options{Addr: "/run/redis/replica.sock", Password: "secret", Role: conn.RoleReplica}
	fmt.Println(o.Network(), o.Role != conn.RoleAny)
	fmt.Printf("%+.20v\n", o.Addr) // an Options may be logged: its password is conn.Masked
	// Output:
	// unix true
	// /run/redis/replica.s
}

func ExampleParseURL_error() {
	_, err := conn.ParseURL("redis://localhost/first")
	var bad *conn.URLError
	fmt.Println(errors.As(err, &bad), bad.Problem)
	// Output: true the database is not a number from 0 up; in a password write / as %2F
}

// A connection that waits for pushes, such as invalidations, while nobody calls.
func ExampleConn_Serve() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := conn.Dial(ctx, conn.Options{OnPush: func(v resp.Value) { fmt.Println("forget", v) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	go func() {
		<-c.Done()
		fmt.Println("broken:", c.Err(), c.Broken())
		cancel()
	}()
	_ = c.Serve(ctx) // until ctx ends or the connection breaks
}
