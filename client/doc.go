// Package client is the client that kermes.Open makes: it finds the master of a
// Redis or Valkey deployment through its sentinels, verifies it, and follows
// every change of it, without losing acknowledged writes where that is in a
// client's power.
//
//	c, err := client.Open(ctx, client.Options{
//		Master: "mymaster",
//		Group:  sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = redis.Set("greeting", "hello").Do(ctx, c)
//
// Without a master's name the same client talks to one server: a program is
// developed against redis://localhost and deployed against
// redis-sentinel://s1,s2,s3/mymaster, see [ParseURL].
//
// # How a master is found
//
// All sentinels are asked at once, each with a short timeout; one that hangs
// costs nothing. What a majority of them says is believed, of several such answers
// the one with the highest configuration epoch: see [sentinel.Belief]. Every
// connection to the master begins with ROLE, and is not used unless the answer
// is "master" (Sentinel client spec, steps 1 to 3). If no master is found the
// error tells apart [sentinel.ErrNoSentinel] and [sentinel.ErrMasterUnknown], and holds what each
// sentinel said.
//
// # How it is followed
//
// A link to every sentinel is subscribed to its messages and pinged with a
// deadline; when it was lost it asks anew after subscribing. Each link also asks
// from time to time without a reason, and quickly while a failover is on or
// connections to the master fail. Where the sentinel's user may not SUBSCRIBE,
// asking is all there is. Failed connections and replies such as READONLY have all
// sentinels asked at once.
//
// The client moves when the configuration epoch does: never back on stale news,
// unless a majority, or every sentinel that answers, has reported a lower epoch for
// some time. It then breaks
// every connection to the former master, those in use, leased and dialled too: a
// master that has been replaced goes on acknowledging writes for about ten
// seconds, and then throws them away. A replica that is about to be promoted is
// connected to ahead.
//
// # What happens to commands
//
// A command that was not sent, or that was refused before it was executed, is
// sent again, to the new master where there is one. A command that may have been
// executed returns an error that says so (conn.ClassOf), unless it is flagged
// read-only or idempotent. A reply of a former master is never reported as
// success.
//
// A planned failover is announced by the leading sentinel just before it happens.
// Writes wait from then until the new master is known; reads go on. Replies to
// writes that were under way, if they come later than 5 ms after the
// announcement, wait for the outcome too: if the failover takes place they are
// errors of the class may have executed. Options.MaxHold bounds all that,
// Options.NoHold turns it off. Options.Adopt, an [Adopt], makes the pause shorter, at a
// price. A coordinated failover (Valkey 9) loses nothing and is followed when both servers
// say that they have changed places.
//
// # When sentinels are gone
//
// The client goes on with the master that it knows, on old and new connections,
// and says so in an event ([sentinel.EventAlone]). With Options.RequireQuorum it stops
// writing instead when a majority of the sentinels has not confirmed the master
// within Options.QuorumTTL.
//
// # Replicas
//
// [Client.Replicas] runs read-only commands on healthy replicas, and on another
// one when that fails. A [ReplicaPolicy] says whether the master may serve them too:
//
//	names, err := redis.SMembers("names").Do(ctx, c.Replicas())
//
// # Pub/sub
//
// [Client.Subscriptions] is a source of connections for package pubsub that goes
// to a promoted candidate without waiting for the sentinels.
//
// # Groups
//
// The clients of several masters may share one group of sentinels, and with it
// one link to each: see [OpenIn]. [sentinel.Groups] is a registry of groups that
// may change at run time.
//
//	g, err := groups.Get("eu")
//	...
//	c, err := client.OpenIn(ctx, g, client.Options{Master: "sessions"})
//
// # Looking at it
//
// [Client.Listen] and [sentinel.LogEvents] tell what happens; [Client.Status] and
// [Replicas.Status] what is; [Client.Stats] what was.
// [Client.Verify] and [Client.Invalidate] do by hand what the client does by
// itself. [Client.GracefulFailover] is for operators.
//
// # Defaults
//
// What [Options] leave out is:
//
//	DefaultRetryTime        10s   of a command, for retries and for waiting for a master
//	DefaultDirectRetryTime  1s    the same without sentinels
//	DefaultMaxRetries       3     of a command that may have been executed
//	DefaultMaxHold          3s    that writes wait in a planned failover
//	DefaultVerifyInterval   5s    between two questions for the role of the master
//	DefaultQuorumTTL        1s    that the word of a majority lasts (RequireQuorum)
//	DefaultEagerBound       3s    without the word of a sentinel (AdoptEager)
//	DefaultProbeInterval    1s    between two probes of a replica
//
// and in [GracefulOptions]:
//
//	DefaultPause            4s    of writes on the old master at a time
//	DefaultCatchUp          3s    for the replicas
//	DefaultNaming           10s   for the new master
//
// # For clients built on this package
//
// Client and Replicas take a batch that is encoded already, as packages redis, mq and lock
// have it: [Client.DoBatch], [Client.DoEncoded], [Replicas.DoBatch], [Replicas.DoEncoded].
//
// docs/sentinel.md lists the guarantees for each phase of a failover, and what no
// client can guarantee; docs/operating.md says how to set up the servers.
package client
