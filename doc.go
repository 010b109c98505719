// Package kermes opens a client for Redis or Valkey: for one server, or for the
// master that sentinels name.
//
//	c, err := kermes.Open(ctx, "redis://:password@localhost:6379")
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = redis.Set("greeting", "hello").Do(ctx, c)
//
// Behind Sentinel only the URL changes:
//
//	redis-sentinel://:password@10.0.0.1,10.0.0.2,10.0.0.3/mymaster?sentinel_password=other
//
// [OpenOptions] takes a struct in place of a URL. Both return a [Client].
//
// # Packages
//
// The commands are values of package redis. They run on the client, on its
// replicas, in pipelines and transactions, and on the fakes of tests.
//
// Package client is what Open returns: how it follows the master, holds writes
// during a planned failover, retries what is safe, reads from replicas.
// Package sentinel finds the master and follows it, also without a client.
// Package pubsub has subscriptions, package codec structs and hashes. Package
// redistest has servers for tests.
//
// The layers below can be used on their own: package pool keeps the connections
// to one server, package conn is one connection, package resp the protocol.
package kermes
