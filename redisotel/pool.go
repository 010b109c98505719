package redisotel

import (
	"context"

	"go.opentelemetry.io/otel/metric"

	"github.com/kermes-redis/kermes/pool"
)

// ObservePool records the gauges and counters of a pool whenever metrics are
// collected: db.client.connection.count by state (idle, used), .pending_requests,
// and, beyond the conventions, kermes.pool.dials, .dial_errors and .waits. stats
// is called each time. stop ends it.
func ObservePool(o Options, stats func() pool.Stats) (stop func() error, err error) {
	o = o.withDefaults()
	m := o.MeterProvider.Meter(scope)
	count, err := m.Int64ObservableUpDownCounter("db.client.connection.count", metric.WithUnit("{connection}"),
		metric.WithDescription("The number of connections that are in the state described."))
	if err != nil {
		return nil, err
	}
	pending, err := m.Int64ObservableUpDownCounter("db.client.connection.pending_requests", metric.WithUnit("{request}"),
		metric.WithDescription("The number of callers that wait for a connection."))
	if err != nil {
		return nil, err
	}
	dials, err := m.Int64ObservableCounter("kermes.pool.dials", metric.WithUnit("{dial}"),
		metric.WithDescription("Attempts to connect."))
	if err != nil {
		return nil, err
	}
	failed, err := m.Int64ObservableCounter("kermes.pool.dial_errors", metric.WithUnit("{dial}"),
		metric.WithDescription("Attempts to connect that failed."))
	if err != nil {
		return nil, err
	}
	waits, err := m.Int64ObservableCounter("kermes.pool.waits", metric.WithUnit("{request}"),
		metric.WithDescription("Callers that had to wait for a connection."))
	if err != nil {
		return nil, err
	}
	name := keyPool.String(o.PoolName)
	named := metric.WithAttributes(name)
	r, err := m.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s := stats()
		to.ObserveInt64(count, int64(s.Idle), metric.WithAttributes(name, keyState.String("idle")))
		to.ObserveInt64(count, int64(s.Open-s.Idle), metric.WithAttributes(name, keyState.String("used")))
		to.ObserveInt64(pending, int64(s.Waiting), named)
		to.ObserveInt64(dials, int64(s.Dials), named)
		to.ObserveInt64(failed, int64(s.DialErrors), named)
		to.ObserveInt64(waits, int64(s.Waits), named)
		return nil
	}, count, pending, dials, failed, waits)
	if err != nil {
		return nil, err
	}
	return r.Unregister, nil
}
