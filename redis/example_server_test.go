package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleTime() {
	ctx, client := exampleClient()

	now, _ := redis.Time().Do(ctx, client)
	fmt.Println(now.UTC().Format(time.DateOnly))
	// Output: 2026-01-01
}

func ExampleInfoSections() {
	lag := func(ctx context.Context, client redis.Doer) (map[string]string, error) {
		info, err := redis.InfoSections("replication").Do(ctx, client)
		if err != nil {
			return nil, err
		}
		return redis.InfoValue(info["replication"]["slave0"]), nil // ip, port, offset, lag
	}
	_ = lag

	fmt.Println(redis.InfoValue("ip=::1,port=6379,state=online")["state"])
	// Output: online
}

func ExampleBackupStart() {
	// Redis 8.10.
	backup := func(ctx context.Context, client redis.Doer) ([]string, error) {
		if err := redis.BackupStart().Do(ctx, client); err != nil {
			return nil, err
		}
		for {
			s, err := redis.BackupStatus().Do(ctx, client)
			if err != nil || s.State == "failed" {
				return nil, fmt.Errorf("backup: %s %w", s.Error, err)
			}
			if s.State == "incrementing" {
				break
			}
			time.Sleep(time.Second)
		}
		if err := redis.BackupSeal().Do(ctx, client); err != nil {
			return nil, err
		}
		return redis.BackupList().Do(ctx, client)
	}
	_ = backup
}

func ExampleInfo() {
	version := func(ctx context.Context, client redis.Doer) (string, error) {
		info, err := redis.Info("server").Do(ctx, client)
		return info["redis_version"], err
	}
	modules := func(ctx context.Context, client redis.Doer) ([]string, error) {
		info, err := redis.Info("modules").Do(ctx, client)
		return strings.Split(info["module"], redis.InfoRepeated), err // one line for each
	}
	_, _ = version, modules
}

func ExampleFlushDB() {
	ctx, client := exampleClient()
	_ = redis.MSet("a", "1", "b", "2").Do(ctx, client)

	before, _ := redis.DBSize().Do(ctx, client)
	err := redis.FlushDB(true).Do(ctx, client) // in the background; FlushAll has all databases
	after, _ := redis.DBSize().Do(ctx, client)
	fmt.Println(before, after, err)
	fmt.Println(redis.FlushAll(true).Do(ctx, client))
	// Output:
	// 2 0 <nil>
	// <nil>
}

// New data is prepared in database 1 and takes its place at once, for all clients.
func ExampleSwapDB() {
	ctx, client := exampleClient()
	_ = redis.Set("price", "new").Do(ctx, client)
	_, _ = redis.Move("price", 1).Do(ctx, client)
	_ = redis.Set("price", "old").Do(ctx, client)

	err := redis.SwapDB(0, 1).Do(ctx, client)
	price, _ := redis.Get("price").Do(ctx, client)
	fmt.Println(price, err)
	// Output: new <nil>
}

// A snapshot that is on the disk before the program goes on.
func ExampleBGSave() {
	snapshot := func(ctx context.Context, client redis.Doer) (saved time.Time, err error) {
		if _, err := redis.BGSave(false).Do(ctx, client); err != nil { // Save blocks the server
			return saved, err
		}
		for {
			info, err := redis.Info("persistence").Do(ctx, client)
			if err != nil {
				return saved, err
			}
			if info["rdb_bgsave_in_progress"] == "0" {
				return redis.LastSave().Do(ctx, client)
			}
			select {
			case <-ctx.Done():
				_, _ = redis.BGSaveCancel().Do(context.WithoutCancel(ctx), client) // Valkey 8.1
				return saved, ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}
	now := func(ctx context.Context, client redis.Doer) error {
		return redis.Save().Do(ctx, client)
	}
	shorten := func(ctx context.Context, client redis.Doer) (string, error) {
		return redis.BGRewriteAOF().Do(ctx, client)
	}
	_, _, _ = snapshot, now, shorten
}

// A backup that is given up, and its files. Redis 8.10.
func ExampleBackupAbort() {
	end := func(ctx context.Context, client redis.Doer) error {
		b, err := redis.BackupStatus().Do(ctx, client)
		if err != nil {
			return err
		}
		if b.State == "snapshotting" || b.State == "incrementing" {
			err = redis.BackupAbort().Do(ctx, client)
		}
		return errors.Join(err, redis.BackupCleanup().Do(ctx, client))
	}
	_ = end
}

// The server stops. That the connection ends without a reply is what is meant to happen.
func ExampleShutdown() {
	stop := func(ctx context.Context, client redis.Doer) error {
		err := redis.Shutdown(redis.ShutdownOptions{Save: redis.Some(true)}).Do(ctx, client)
		if redis.ClassOf(err) == redis.ClassMaybeExecuted {
			return nil
		}
		return err
	}
	_ = stop
	fmt.Println(redis.Redacted(redis.Shutdown(redis.ShutdownOptions{Save: redis.Some(false), Now: true}).Command))
	// Output: SHUTDOWN "NOSAVE" "NOW"
}

// A parameter is changed, and stays so after a restart.
func ExampleConfigSet() {
	grow := func(ctx context.Context, client redis.Doer, memory string) error {
		if err := redis.ConfigSet("maxmemory", memory, "maxmemory-policy", "allkeys-lru").Do(ctx, client); err != nil {
			return err
		}
		now, err := redis.ConfigGet("maxmemory*").Do(ctx, client)
		if err != nil {
			return err
		}
		fmt.Println(now["maxmemory"], now["maxmemory-policy"])
		return redis.ConfigRewrite().Do(ctx, client)
	}
	_ = grow
	fmt.Println(redis.Redacted(redis.ConfigSet("requirepass", "secret").Command)) // what logs and traces show
	fmt.Println(redis.Redacted(redis.ConfigResetStat().Command))
	// Output:
	// CONFIG SET "requirepass" ***
	// CONFIG RESETSTAT
}

// The commands that took longest since the last look.
func ExampleSlowLogGet() {
	look := func(ctx context.Context, client redis.Doer) error {
		n, err := redis.SlowLogLen().Do(ctx, client)
		if err != nil || n == 0 {
			return err
		}
		slow, err := redis.SlowLogGet(-1).Do(ctx, client)
		if err != nil {
			return err
		}
		for _, c := range slow {
			fmt.Println(c.Duration, strings.Join(c.Args, " "), "of", c.Addr)
		}
		return redis.SlowLogReset().Do(ctx, client)
	}
	_ = look
}

// The logs of Valkey 8.1: slow commands, and large ones.
func ExampleCommandLogGet() {
	look := func(ctx context.Context, client redis.Doer, l redis.CommandLog) error {
		n, err := redis.CommandLogLen(l).Do(ctx, client)
		if err != nil || n == 0 {
			return err
		}
		commands, err := redis.CommandLogGet(l, 100).Do(ctx, client)
		for _, c := range commands {
			fmt.Println(c.Duration, c.Size, "bytes", c.Args)
		}
		return errors.Join(err, redis.CommandLogReset(l).Do(ctx, client))
	}
	all := func(ctx context.Context, client redis.Doer) error {
		return errors.Join(look(ctx, client, redis.SlowLog), look(ctx, client, redis.LargeRequests), look(ctx, client, redis.LargeReplies))
	}
	_ = all
}

// The place of a server in the replication.
func ExampleRole() {
	lag := func(ctx context.Context, client redis.Doer) error {
		role, err := redis.Role().Do(ctx, client)
		if err != nil {
			return err
		}
		if role.Role != "master" {
			return fmt.Errorf("a replica of %s:%d", role.MasterHost, role.MasterPort)
		}
		for _, r := range role.Replicas {
			fmt.Printf("%s:%d is %d bytes behind\n", r.Host, r.Port, role.Offset-r.Offset)
		}
		return nil
	}
	_ = lag
}

// A server without sentinels takes over by hand. With sentinels, let them do it.
func ExampleReplicaOf() {
	takeOver := func(ctx context.Context, old, next redis.Doer, host string, port int) error {
		if err := redis.ReplicaOfNoOne().Do(ctx, next); err != nil {
			return err
		}
		return redis.ReplicaOf(host, port).Do(ctx, old) // the address of the next one
	}
	_ = takeOver
}

// The master hands its role to a replica, which has all data then.
func ExampleFailover() {
	handOver := func(ctx context.Context, master redis.Doer) error {
		o := redis.FailoverOptions{Host: "10.0.0.2", Port: 6379, Timeout: 10 * time.Second}
		return redis.Failover(o).Do(ctx, master) // at once: Info("replication") tells how it goes
	}
	giveUp := func(ctx context.Context, master redis.Doer) error {
		return redis.FailoverAbort().Do(ctx, master)
	}
	_, _ = handOver, giveUp
}

func ExampleLolWut() {
	picture := func(ctx context.Context, client redis.Doer) (string, error) {
		return redis.LolWut().Do(ctx, client)
	}
	_ = picture
	fmt.Println(redis.Redacted(redis.LolWutVersion(5, 40, 20).Command)) // 40 columns, 20 squares
	// Output: LOLWUT "VERSION" "5" "40" "20"
}
