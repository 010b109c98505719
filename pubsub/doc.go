// Package pubsub keeps subscriptions alive through reconnects and failovers, and
// says when messages may have been missed.
//
// A [Subscriber] has one connection and a set of names that are wanted: channels,
// glob patterns and shard channels. The set may change at any time; what the
// server believes is brought to it, on the present connection and on each one
// after it. A [Subscription] is a part of the set with a buffer and a consumer of
// its own. One Subscriber is enough for a process, however many subscriptions it
// has: names that several of them want are subscribed once.
//
//	s := pubsub.New(client.Subscriptions(), pubsub.Options{}) // client is a *client.Client
//	defer s.Close()
//
//	sub, err := s.Subscribe(ctx, "news", "sport")
//	if err != nil {
//		return err
//	}
//	for m, err := range sub.All(ctx) {
//		if err != nil {
//			log.Print(err) // a *pubsub.Gap or *pubsub.Dropped: the iteration goes on
//			continue
//		}
//		fmt.Println(m.Channel, m.Text())
//	}
//
// # Sources
//
// Where connections come from is a [Source]: a *pool.Pool or a [Server] for one
// server, a *client.Client for whatever master the sentinels name. The
// sentinel client breaks the connection in the moment it learns of a new master,
// and the Subscriber is there a few milliseconds later; it does not wait until the
// old master is demoted, which is 10 s later after a planned failover. Its method
// Subscriptions returns a source that moves even before the sentinels agree, as
// soon as the candidate says that it is the master. A subscriber loses nothing by
// being early, so that is the one to prefer.
//
// # Confirmation
//
// Subscribe and Unsubscribe return when the server has confirmed every name, or
// when their context ends. There may be no connection at that time: Subscribe then
// waits for one. After a failed Subscribe nothing is left of it. A server may
// refuse a name, for want of a permission: [RefusedError] has it, and the names
// sent with it do not suffer. Wrong credentials fail Subscribe at once; other
// failures to connect are retried until the context ends, whose error then
// contains the last of them.
//
// # Consumers
//
// There are four ways to take messages, of which a Subscription can have one at a
// time:
//
//	sub.All(ctx)        iterator over messages and notices
//	sub.Messages(ctx)   iterator over messages alone
//	sub.Handle(h)       handlers, on a goroutine of the subscription
//	sub.Chan()          channel, from a goroutine of the subscription
//
// [Handlers] are found by the channel of the message, then by the pattern it came
// by, then under "*", as in carmine; the [Kind] of a message is [Channel], [Pattern] or [Shard]. [Decode] and [DecodeHandler] put a decoder
// in front; [Publisher] is the other end. PUBSUB CHANNELS, NUMSUB and the like
// are commands of package redis.
//
// # Gaps
//
// When the connection is lost, the first attempt to replace it is made at once,
// the next ones after a back-off with jitter. Everything is subscribed again in
// few large writes. When all of it is confirmed, every subscription that had been
// confirmed before gets one [Gap], in its place between the messages, and so do
// the listeners ([Subscriber.Listen]). However many attempts it took, one
// interruption is one gap.
//
// A gap has bounds that can be relied upon. What was published before Gap.From
// has been received; what is published after Gap.To will be; what was published in
// between may have been received or not. From is the time of the last PING that
// the server answered, up to a PingInterval before the real loss, because nothing
// later is certain: the kernel throws away what it has received when a connection
// is reset. Messages between the end of a gap and the beginning of the next come
// once, and in the order of their channel. No message comes twice. A program that
// derives state from messages should read that state anew after a gap;
// [Subscriber.OnReady] is called at the same time.
//
// An idle connection that has died is found by PING, within 2.5 s by default
// (Options.PingInterval and PingTimeout), also when only one direction is dead,
// and also when the server hangs. One that sends messages and never answers is given up
// too, later.
//
// # Buffers
//
// Each subscription has a buffer ([Queue]) with limits in messages and bytes. A
// consumer that is too slow fills it, and then the policy applies, an [Overflow]:
//
//	DropOldest        the oldest go; the default
//	DropNewest        the new ones go
//	Block             the connection is not read until there is room
//	CloseOnOverflow   the subscription ends with ErrOverflow
//
// What is dropped is told where it would have come ([Dropped]), to listeners
// ([EventDropped], an [EventKind]), and in [Subscription.Stats]. A slow consumer delays nobody but
// itself, except with Block: then all subscriptions of the Subscriber wait, and
// the server buffers for them up to its client-output-buffer-limit, beyond which it
// cuts the connection, and that is a gap. Use Block, on a Subscriber of its own,
// where it is better that everything is late than that something is missing.
//
// # Defaults
//
// What [Options] and [Queue] leave out is:
//
//	DefaultPingInterval  1s       between two PINGs on an idle connection
//	DefaultPingTimeout   1.2s     for the answer
//	DefaultDialTimeout   2.5s     for a connection
//	DefaultMinBackoff    10ms     between attempts to connect, at first
//	DefaultMaxBackoff    500ms    and at last
//	DefaultQueueSize     65,536   messages that wait for a consumer
//	DefaultQueueBytes    16 MiB   of payloads that wait
//
// # Ownership
//
// Payloads belong to the receiver: one allocation each. With Queue.Borrow they are
// lent until the next iteration or the return of the handler, and nothing is
// allocated. The payload of a [Typed] message is the receiver's alone, unless
// it is borrowed. Channel names are shared strings and may be kept.
//
// # Goroutines
//
// A Subscriber has three: one reads the connection, one writes and watches over it,
// one calls listeners. A subscription with handlers or a channel has one more;
// iterators run on the caller's. A handler that panics is reported ([EventPanic])
// and goes on with the next message. [Subscriber.Close] ends all of them.
//
// # What pub/sub cannot guarantee
//
// Redis delivers each message at most once, to clients that are subscribed at that
// moment, and keeps none. So a gap cannot be filled: messages that were published
// within it are gone. Nor is a message that a server has accepted sure to reach
// anybody: during a failover, what is published on the master that is about to be
// replaced reaches only subscribers that have not moved, and a replica takes PUBLISH
// without an error and passes it on to its own subscribers alone. Publish through
// a sentinel client, which knows the master. Where each message matters, use a
// stream or package mq, and pub/sub to wake the readers.
//
// See https://redis.io/docs/latest/develop/pubsub/ and
// https://redis.io/docs/latest/develop/reference/sentinel-clients/.
package pubsub
