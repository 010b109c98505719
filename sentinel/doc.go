// Package sentinel is the client that most programs make: it finds the master
// of a Redis or Valkey deployment through its sentinels, verifies it, and
// follows every change of it.
//
//	c, err := sentinel.Open(ctx, sentinel.Options{
//		Master: "mymaster",
//		Group:  sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = redis.Set("greeting", "hello").Do(ctx, c)
//
// # How a master is found
//
// All sentinels are asked at once, each with a short timeout; one that hangs
// costs nothing. The answer with the highest configuration epoch wins. Every
// connection to the master begins with ROLE, and is not used unless the answer
// is "master" (Sentinel client spec, steps 1 to 3).
//
// # How it is followed
//
// A link to every sentinel is subscribed to its messages and pinged with a
// deadline; when it was lost it asks anew after subscribing. Each link also
// asks from time to time without a reason. Failed connections and replies such
// as READONLY have all sentinels asked at once. The client moves when the epoch
// does: never back on stale news. It then aborts every connection to the former
// master, those in use too: a master that has been replaced goes on
// acknowledging writes for about ten seconds, and then throws them away.
//
// # What happens to commands
//
// A command that was not sent, or that was refused before it was executed, is
// sent again, to the new master where there is one. A command that may have
// been executed returns an error that says so (conn.ClassOf), unless it is
// flagged read-only or idempotent. A planned failover is announced by the
// sentinels just before it happens; writes wait from then until the new master
// is known.
//
// # When all sentinels are gone
//
// The client goes on with the master that it knows, on old and new connections.
package sentinel
