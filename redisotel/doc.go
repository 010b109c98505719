// Package redisotel tells OpenTelemetry what a Kermes client does: spans and
// metrics by the semantic conventions for database clients. It is a module of its
// own, so that the library depends on nothing.
//
//	observed, err := redisotel.Interceptor(redisotel.Options{Server: client.Master})
//	if err != nil {
//		return err
//	}
//	db := redis.Intercept(client, observed)
//	n, err := redis.Incr("hits").Do(ctx, db)
//
//	stop, err := redisotel.ObservePool(redisotel.Options{PoolName: "sessions"},
//		func() pool.Stats { return client.Stats().Pool.Stats })
//
//	q := mq.New[Welcome](client, "welcome", mq.Options{Hooks: redisotel.QueueHooks(redisotel.Options{})})
//
// A call is one span, however often it was tried. Arguments are not recorded,
// unless QueryText says so. A null reply is no error.
//
// See https://opentelemetry.io/docs/specs/semconv/database/redis/.
package redisotel
