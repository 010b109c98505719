package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleACLSetUser() {
	add := redis.ACLSetUser("reader", "on", ">secret", "~app:*", "+@read")
	fmt.Println(redis.Redacted(add.Command)) // what logs and traces show
	// Output: ACL SETUSER "reader" *** *** *** ***
}

// A user for a service, with a password that the server makes.
func ExampleACLGenPass() {
	create := func(ctx context.Context, client redis.Doer, name string) (password string, err error) {
		password, err = redis.ACLGenPass(0).Do(ctx, client)
		if err != nil {
			return "", err
		}
		rules := []string{"on", ">" + password, "~" + name + ":*", "+@all", "-@dangerous"}
		if err := redis.ACLSetUser(name, rules...).Do(ctx, client); err != nil {
			return "", err
		}
		return password, redis.ACLSave().Do(ctx, client) // to the file of the server
	}
	remove := func(ctx context.Context, client redis.Doer, names ...string) (int64, error) {
		return redis.ACLDelUser(names...).Do(ctx, client)
	}
	_, _ = create, remove
}

// May a user do that? Redis 7.0.
func ExampleACLDryRun() {
	may := func(ctx context.Context, client redis.Doer, user string, command ...string) (bool, error) {
		answer, err := redis.ACLDryRun(user, command...).Do(ctx, client)
		if err == nil && answer != "OK" {
			fmt.Println(answer) // why not
		}
		return answer == "OK", err
	}
	_ = may // may(ctx, client, "reader", "SET", "app:1", "x")
}

// What may a user do?
func ExampleACLGetUser() {
	rules := func(s redis.ACLSelector) string { return strings.Join([]string{s.Commands, s.Keys, s.Channels}, " ") }
	show := func(u redis.ACLUser) {
		fmt.Println(u.Flags, len(u.Passwords), "passwords", rules(u.ACLSelector))
		for _, s := range u.Selectors {
			fmt.Println("or", rules(s))
		}
	}
	all := func(ctx context.Context, client redis.Doer) error {
		names, err := redis.ACLUsers().Do(ctx, client)
		if err != nil {
			return err
		}
		for _, name := range names {
			u, err := redis.ACLGetUser(name).Do(ctx, client)
			if errors.Is(err, redis.ErrNil) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			show(u)
		}
		return nil
	}
	_ = all
}

// What was refused of late.
func ExampleACLLog() {
	look := func(ctx context.Context, client redis.Doer) error {
		events, err := redis.ACLLog(100).Do(ctx, client)
		if err != nil {
			return err
		}
		for _, e := range events {
			fmt.Println(e.User, e.Reason, e.Object, e.Count, e.Age.Round(time.Second))
		}
		return redis.ACLLogReset().Do(ctx, client)
	}
	_ = look
}

func ExampleACLWhoAmI() {
	me := func(ctx context.Context, client redis.Doer) (string, error) {
		return redis.ACLWhoAmI().Do(ctx, client)
	}
	dangerous := func(ctx context.Context, client redis.Doer) ([]string, error) {
		return redis.ACLCat("dangerous").Do(ctx, client) // of "", the categories
	}
	rules := func(ctx context.Context, client redis.Doer) ([]string, error) {
		if err := redis.ACLLoad().Do(ctx, client); err != nil { // the file has been edited
			return nil, err
		}
		return redis.ACLList().Do(ctx, client)
	}
	_, _, _ = me, dangerous, rules
}
