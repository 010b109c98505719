package main

import "context"

// client is one way to follow sentinels.
type client interface {
	// push appends v to a list: a write that must not be repeated.
	push(ctx context.Context, key, v string) error
	// get reads a key from a replica where the client was opened for that.
	get(ctx context.Context, key string) error
	// subscribe calls fn with each message until ctx ends. It returns at once.
	subscribe(ctx context.Context, channel string, fn func(payload string))
	close()
}

// setup is what a client is opened with.
type setup struct {
	sentinels []string
	master    string
	replicas  bool // reads go to replicas
}

// contender is a client with settings.
type contender struct {
	name string
	open func(ctx context.Context, s setup) (client, error)
}

var contenders = []contender{
	{"Kermes", kermes(kermesDefault)},
	{"Kermes, no hold", kermes(kermesNoHold)},
	{"Kermes, eager", kermes(kermesEager)},
	{"go-redis", goRedis(false)},
	{"go-redis, tuned", goRedis(true)},
	{"rueidis", rueidisClient(false)},
	{"rueidis, tuned", rueidisClient(true)},
}
