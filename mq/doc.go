// Package mq is a work queue on one Redis master, over any client of this module.
//
//	q := mq.New[Welcome](client, "welcome", mq.Options{MaxAttempts: 8})
//	_, err := q.Enqueue(ctx, Welcome{17}, mq.ID("welcome/17"), mq.In(time.Minute))
//
//	err = q.Work(ctx, func(ctx context.Context, m *mq.Msg[Welcome]) error {
//		err := mailer.Send(ctx, m.Value.User)
//		if errors.Is(err, mailer.ErrBusy) {
//			return mq.Snooze(time.Minute) // takes no attempt
//		}
//		return err // nil: done; an error: again with back-off, in the end a dead letter
//	}, mq.WorkerOptions{Concurrency: 32})
//
// # The guarantee
//
// At least once; nothing is handled twice without a crash, a lost lease or a failover.
//
// A message whose Enqueue returned nil is handled until it is done, a dead letter,
// cancelled or cleared, as long as the server keeps it. A server with Sentinel loses, when
// it crashes, what its replicas do not have yet: Options.MinReplicas makes Enqueue
// return when they do. Messages of one [Priority] ([High], [Normal], [Low]) are claimed in
// the order in which they became ready; several workers, retries and crashes change the
// order in which they are done.
//
// A handler may be called twice for one message: its worker dies after the effect
// and before the message is settled; it hangs for longer than its lease; a failover
// undoes a claim or a settlement that was not replicated. Effects should be
// idempotent, or guarded by a fence.
//
// # Messages and their ids
//
// There is one message of an id at a time: another one is refused, updates the first,
// or is handled after it, as [OnDuplicate] says by a [Policy]. The [Action] of a [Result]
// says what was done, and [Queue.Status] in which [State] a message is. A [Window] keeps the id taken for a
// while after the message is done. A dead letter does not block its id.
//
// # Leases
//
// A claimed message is leased to its worker, which prolongs the lease as long as the
// handler runs. A worker that dies has its messages handled by others after
// WorkerOptions.Lease; such crashes are counted apart from attempts. A worker that
// hangs and comes back finds the contexts of its handlers ended with [ErrLeaseLost],
// and its outcomes are refused.
//
// # Batches
//
// [Batched] collects messages and has them handled together; each keeps its lease and
// is settled by itself.
//
// # Keys, caps and rates
//
// Messages with a [Key] are handled one at a time and in their order for each key, on
// whichever worker, also through retries, crashes and failovers; those of other keys go
// on meanwhile. [Queue.Limit] lets more of a key be handled at a time, and says how often
// they may begin; Limits.Rate says that of the whole queue. A worker that outlives its lease still runs its handler while another
// one has the message: as with any message, the context tells.
//
// # Results
//
// A message that was enqueued with [KeepResult] leaves what its handler has set by
// [Msg.SetResult], or why it is a dead letter, for that time; [Queue.Await] waits for it,
// in any process.
//
// # Groups and chains
//
// [Queue.EnqueueGroup] enqueues messages, and another, the callback, when all of them have
// ended: once, by the script that settles the last. A callback is at least once handled,
// as any message is. A handler may enqueue the next group, with an id, to go on.
//
// # Periodic jobs
//
// [Queue.Schedule] enqueues messages by the clock: at the ticks of a cron line in a time
// zone, or at fixed intervals. Every process may run it; each tick has one message,
// whichever process is killed. [Overlap] says what happens while an earlier message lives,
// and [CatchUp] what is done about ticks that were missed.
//
// # Failovers
//
// Producers and workers go on through every failover without a restart. The client
// holds writes or retries them, and a worker looks at the queue anew whenever the
// generation of the client changes or its subscription is confirmed again. No state is
// kept in the process that the new master could contradict. A client with
// client.AdoptEager may write to a server that is given up again, where messages are lost:
// with MinReplicas none is confirmed there, for it has no replicas.
//
// # Permissions
//
// A user with ACL rules needs the keys "~mq:{name}:*", the channels "&mq:{name}:w:*" (and "&mq:{name}:e:*" for Await),
// and beside what the client needs for itself:
//
//	+evalsha +eval +time +publish +subscribe +unsubscribe +ping +wait
//	+hget +hset +hsetnx +hdel +hlen +hkeys +hexists +hmget +hgetall +hincrby
//	+lpush +rpush +lpop +lrange +ltrim +lrem +llen +lindex
//	+zadd +zrem +zrange +zrangebyscore +zscore +zcard
//	+sadd +srem +spop +scard +sismember +smembers +set +get +exists +unlink
//
// Without the channels everything works, by polling. The server should have
// maxmemory-policy noeviction, or a volatile one. While it is out of memory it refuses
// to enqueue and to prolong leases, and takes what is done, unless its result is to be
// kept, for which there is no room either: the worker tells that again until there is. A
// handler that runs for longer than the rest of its lease is told that the lease is lost,
// and its message is handled again, as is one whose result could not be kept in time.
//
// # Events
//
// WorkerOptions.OnEvent and WorkerOptions.Logger are told what an operator may want to
// know, an [Event] of some [EventKind]:
//
//	EventStarted, EventStopped       the worker
//	EventRetry, EventDead            an attempt has failed; the last one has
//	EventPanic, EventUnknownKind     the handler panicked; there is no handler for the kind
//	EventLeaseLost, EventCanceled    a message was taken from this worker
//	EventCrashed, EventRecovered     messages of workers that died; of a reply that was lost
//	EventMoved, EventClockJump       the server is another one; its clock was set
//	EventPolling, EventError         there are no wake-ups; a call has failed and is repeated
//	EventAbandoned                   handlers ignore the end of their contexts
//	EventTick                        a periodic job has enqueued a message
//
// # Defaults
//
// What [Options] leave out is:
//
//	DefaultPrefix             mq       the first word of all keys
//	DefaultMaxAttempts        8        of a message, before it is a dead letter
//	DefaultMaxPayload         1 MiB
//	DefaultDurabilityTimeout  5s       for MinReplicas
//
// What [WorkerOptions] and [BatchOptions] leave out is:
//
//	DefaultConcurrency        10       messages handled at a time
//	DefaultMaxPrefetch        256      messages that wait in the worker at most
//	DefaultLease              1m       MinLease (100ms) at least
//	DefaultMaxCrashes         5        leases of a message that may end
//	DefaultBackoffBase        1s       the first delay after a failed attempt
//	DefaultBackoffMax         10m      the longest
//	DefaultUnknownDelay       30s      for messages of unknown kinds
//	DefaultStopTimeout        25s      that handlers may run on when the worker ends
//	DefaultPollInterval       1s       without work, besides being woken
//	DefaultClaimBytes         1 MiB    of one claim
//	DefaultMaxDead            10,000   dead letters that are kept
//	DefaultBatchWait          20ms     for more messages of a batch
//
// # Cost
//
// A worker settles what is done, looks after leases and delays, and claims more with
// one script: one round trip for as many messages as there are. It is woken by a
// message on its own channel, and polls every second besides. It needs one leased
// connection of the client for claims and one for wake-ups; a queue with MinReplicas
// needs one more lease for its group commit. Raise pool.Options.MaxConns if there are
// many in one process.
package mq
