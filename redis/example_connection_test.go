package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExamplePing() {
	ctx, client := exampleClient()

	answer, err := redis.Ping().Do(ctx, client)
	fmt.Println(answer, err)
	// Output: PONG <nil>
}

func ExampleClientKill() {
	// End the connections of a user that are older than a day.
	kill := redis.ClientKill(redis.ClientFilter{User: "batch", MinAge: 24 * time.Hour})
	fmt.Println(redis.Redacted(kill.Command))

	// A filter that would fit everybody is refused.
	fmt.Println(redis.ClientKill(redis.ClientFilter{}).Invalid())
	// Output:
	// CLIENT KILL "USER" "batch" "MAXAGE" "86400"
	// redis: CLIENT KILL: an empty filter
}

func ExampleEcho() {
	ctx, client := exampleClient()

	text, _ := redis.Echo("hello").Do(ctx, client)
	pong, _ := redis.PingText("are you there?").Do(ctx, client)
	fmt.Println(text, pong)
	// Output: hello are you there?
}

// Who is connected, and since when?
func ExampleClientList() {
	list := func(ctx context.Context, client redis.Doer, kind redis.ClientType) error {
		conns, err := redis.ClientList(redis.ClientFilter{Type: kind}).Do(ctx, client)
		for _, c := range conns {
			if c.Idle > time.Hour {
				fmt.Println(c.Addr, c.Name, c.User, c.Command, c.Idle)
			}
		}
		return err
	}
	all := func(ctx context.Context, client redis.Doer) error {
		return errors.Join(
			list(ctx, client, redis.ClientNormal),
			list(ctx, client, redis.ClientPubSub),
			list(ctx, client, redis.ClientReplica),
			list(ctx, client, redis.ClientMaster))
	}
	_ = all
}

// The connection itself. A pool or a client has many: each call may run on another one.
func ExampleClientInfo() {
	self := func(ctx context.Context, conn redis.Doer) error {
		c, err := redis.ClientInfo().Do(ctx, conn)
		if err != nil {
			return err
		}
		fmt.Println(c.ID, c.LocalAddr, c.Protocol, c.Fields["tot-mem"])
		id, err := redis.ClientID().Do(ctx, conn) // the number alone
		if err != nil {
			return err
		}
		name, err := redis.Optional(redis.ClientGetName()).Do(ctx, conn)
		fmt.Println(id, name.Or("without a name"))
		return err
	}
	_ = self
}

// A worker that waits in BLPOP is told to end its wait: by an error, or as if the time
// had passed.
func ExampleClientUnblock() {
	wake := func(ctx context.Context, client redis.Doer, worker int64) (bool, error) {
		return redis.ClientUnblock(worker, true).Do(ctx, client) // worker has asked for its ClientID
	}
	wait := func(ctx context.Context, worker redis.Doer) (string, error) {
		job, err := redis.BLPop(redis.Forever, "jobs").Do(ctx, worker)
		if errors.Is(err, redis.ErrUnblocked) {
			return "", nil // there is something else to do
		}
		return job.Value, err
	}
	_, _ = wake, wait
}

// Writes wait while something is done that must not see any.
func ExampleClientPause() {
	quiet := func(ctx context.Context, client redis.Doer, do func() error) error {
		if err := redis.ClientPause(10*time.Second, true).Do(ctx, client); err != nil {
			return err
		}
		return errors.Join(do(), redis.ClientUnpause().Do(context.WithoutCancel(ctx), client))
	}
	_ = quiet
}

// Is a connection told of the keys that it has read?
func ExampleClientTrackingInfo() {
	look := func(ctx context.Context, conn redis.Doer) error {
		t, err := redis.ClientTrackingInfo().Do(ctx, conn)
		if err != nil {
			return err
		}
		fmt.Println(t.Flags, t.Prefixes)
		to, err := redis.ClientGetRedir().Do(ctx, conn) // -1 without tracking
		fmt.Println(to)
		return err
	}
	_ = look
}

// All connections but those of one user: Valkey 9.
func ExampleClientFilter() {
	kill := redis.ClientKill(redis.ClientFilter{
		Type: redis.ClientNormal,
		Idle: time.Hour,
		Not:  &redis.ClientFilter{User: "admin"},
	})
	fmt.Println(redis.Redacted(kill.Command))
	// Output: CLIENT KILL "TYPE" "normal" "IDLE" "3600" "NOT-USER" "admin"
}
