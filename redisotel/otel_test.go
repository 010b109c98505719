package redisotel_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	apitrace "go.opentelemetry.io/otel/trace"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redisotel"
	"github.com/kermes-redis/kermes/resp"
)

// canned answers every command with one reply, and MULTI and EXEC on a lease as
// nobody: it lends nothing.
type canned struct {
	reply string
	err   error
}

func (c canned) Do(ctx context.Context, _ resp.Command) (resp.Reply, error) {
	redis.CountAttempt(ctx)
	redis.CountAttempt(ctx)
	return resp.NewReply(resp.Value(c.reply), nil), c.err
}

func (c canned) DoBatch(_ context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	for i := range cmds {
		each(i, resp.Value(c.reply))
	}
	return c.err
}

func (c canned) WithConn(context.Context, func(*conn.Conn) error) error { return c.err }

// rig collects spans and metrics in memory.
type rig struct {
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
	o      redisotel.Options
}

func newRig() *rig {
	r := &rig{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	r.o.TracerProvider = trace.NewTracerProvider(trace.WithSyncer(r.spans))
	r.o.MeterProvider = metric.NewMeterProvider(metric.WithReader(r.reader))
	return r
}

func (r *rig) over(t *testing.T, d redis.Doer) *redis.Intercepted {
	t.Helper()
	i, err := redisotel.Interceptor(r.o)
	if err != nil {
		t.Fatal(err)
	}
	return redis.Intercept(d, i)
}

func (r *rig) metrics(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			out[m.Name] = m
		}
	}
	return out
}

func has(t *testing.T, attrs []attribute.KeyValue, want ...attribute.KeyValue) {
	t.Helper()
	set := attribute.NewSet(attrs...)
	for _, w := range want {
		if got, ok := set.Value(w.Key); !ok || got != w.Value {
			t.Errorf("%s = %v, want %v", w.Key, got.String(), w.Value.Emit())
		}
	}
}

func lacks(t *testing.T, attrs []attribute.KeyValue, keys ...attribute.Key) {
	t.Helper()
	set := attribute.NewSet(attrs...)
	for _, k := range keys {
		if v, ok := set.Value(k); ok {
			t.Errorf("%s = %v, want none", k, v.String())
		}
	}
}

func TestACommandIsASpanByTheConventions(t *testing.T) {
	r := newRig()
	r.o.Server = func() string { return "10.0.0.1:7000" }
	r.o.Namespace = "2"
	ctx, parent := r.o.TracerProvider.Tracer("test").Start(t.Context(), "parent")
	if _, err := redis.Get("secret").Do(ctx, r.over(t, canned{reply: "$1\r\nx\r\n"})); err != nil {
		t.Fatal(err)
	}
	s := r.spans.GetSpans()[0]
	if s.Name != "GET 2" || s.SpanKind != apitrace.SpanKindClient || s.Status.Code != codes.Unset || s.Parent.SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("%+v", s)
	}
	has(t, s.Attributes, attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", "GET"),
		attribute.String("db.namespace", "2"), attribute.String("server.address", "10.0.0.1"), attribute.Int("server.port", 7000),
		attribute.Int("kermes.attempts", 2))
	lacks(t, s.Attributes, "db.query.text", "error.type", "db.operation.batch.size")
}

func TestErrorsAreNamedInFewWordsAndANullIsNone(t *testing.T) {
	for _, row := range []struct {
		d         canned
		errorType string
		status    string
	}{
		{canned{reply: "$-1\r\n"}, "", ""},
		{canned{reply: "-WRONGTYPE Operation against a key\r\n"}, "WRONGTYPE", "WRONGTYPE"},
		{canned{err: &conn.Error{Class: conn.ClassMaybeExecuted, Err: errors.New("gone")}}, "may have executed", ""},
		{canned{err: context.Canceled}, "context.Canceled", ""},
		{canned{err: context.DeadlineExceeded}, "context.DeadlineExceeded", ""},
		{canned{err: errors.New("other")}, "*errors.errorString", ""},
	} {
		r := newRig()
		_, _ = redis.Get("k").Do(t.Context(), r.over(t, row.d))
		s := r.spans.GetSpans()[0]
		if failed := s.Status.Code == codes.Error; failed != (row.errorType != "") {
			t.Errorf("%+v: status %v", row, s.Status)
		}
		if row.errorType == "" {
			lacks(t, s.Attributes, "error.type", "db.response.status_code")
			continue
		}
		has(t, s.Attributes, attribute.String("error.type", row.errorType))
		if row.status != "" {
			has(t, s.Attributes, attribute.String("db.response.status_code", row.status))
		}
	}
}

func TestPipelinesTransactionsLeasesAndScriptsHaveTheirNames(t *testing.T) {
	r := newRig()
	r.o.QueryText = true
	r.o.Server = func() string { return "/run/redis.sock" }
	d := r.over(t, canned{reply: "+OK\r\n"})
	queue := func(cmds ...redis.Status) *redis.Pipeline {
		p := new(redis.Pipeline)
		for _, c := range cmds {
			c.Queue(p)
		}
		return p
	}
	set := redis.Set("k", "v")
	_ = queue(set, set).Do(t.Context(), d)
	_ = queue(set, redis.FlushAll(false)).Do(t.Context(), d)
	_ = queue(set).Exec(t.Context(), d)
	_ = d.WithConn(t.Context(), nil)
	_, _ = redis.EvalSha(redis.Text, "cafe", nil).Do(t.Context(), d)
	_ = redis.New(redis.Raw, "auth", "hunter2").Command
	_, _ = redis.New(redis.Raw, "auth", "hunter2").Do(t.Context(), d)
	spans := r.spans.GetSpans()
	for i, want := range []string{"PIPELINE SET", "PIPELINE", "MULTI SET", "redis lease", "EVALSHA", "AUTH"} {
		if spans[i].Name != want {
			t.Errorf("span %d is %q, want %q", i, spans[i].Name, want)
		}
	}
	has(t, spans[0].Attributes, attribute.Int("db.operation.batch.size", 2), attribute.String("server.address", "/run/redis.sock"),
		attribute.String("db.query.text", `PIPELINE; SET "k" "v"; SET "k" "v"`))
	lacks(t, spans[2].Attributes, "db.operation.batch.size", "server.port")
	if spans[3].SpanKind != apitrace.SpanKindInternal {
		t.Error("a lease is not a call to the server")
	}
	has(t, spans[4].Attributes, attribute.String("db.stored_procedure.name", "cafe"))
	has(t, spans[5].Attributes, attribute.String("db.query.text", "auth ***"))
}

func TestDurationsAreAHistogramByTheConventions(t *testing.T) {
	r := newRig()
	r.o.QueryText = true
	d := r.over(t, canned{reply: "-OOM no\r\n"})
	for range 3 {
		_ = redis.Set("k", "v").Do(t.Context(), d)
	}
	m := r.metrics(t)["db.client.operation.duration"]
	h, ok := m.Data.(metricdata.Histogram[float64])
	if !ok || m.Unit != "s" || len(h.DataPoints) != 1 || h.DataPoints[0].Count != 3 || len(h.DataPoints[0].Bounds) != 9 {
		t.Fatalf("%+v", m)
	}
	attrs := h.DataPoints[0].Attributes.ToSlice()
	has(t, attrs, attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", "SET"), attribute.String("error.type", "OOM"))
	lacks(t, attrs, "db.query.text", "kermes.attempts")
}

func TestAPoolIsObservedUntilItIsStopped(t *testing.T) {
	r := newRig()
	r.o.PoolName = "sessions"
	stop, err := redisotel.ObservePool(r.o, func() pool.Stats {
		return pool.Stats{Open: 5, Idle: 2, Waiting: 7, Dials: 9, DialErrors: 1, Waits: 4}
	})
	if err != nil {
		t.Fatal(err)
	}
	all := r.metrics(t)
	counts := map[string]int64{}
	for _, p := range all["db.client.connection.count"].Data.(metricdata.Sum[int64]).DataPoints {
		state, _ := p.Attributes.Value("db.client.connection.state")
		counts[state.AsString()] = p.Value
		has(t, p.Attributes.ToSlice(), attribute.String("db.client.connection.pool.name", "sessions"))
	}
	if counts["idle"] != 2 || counts["used"] != 3 {
		t.Error(counts)
	}
	for name, want := range map[string]int64{"db.client.connection.pending_requests": 7, "kermes.pool.dials": 9, "kermes.pool.dial_errors": 1, "kermes.pool.waits": 4} {
		sum, ok := all[name].Data.(metricdata.Sum[int64])
		if !ok || sum.DataPoints[0].Value != want {
			t.Errorf("%s: %+v, want %d", name, all[name], want)
		}
	}
	if err := stop(); err != nil || len(r.metrics(t)) != 0 {
		t.Error("still observed", err)
	}
}

func TestTheGlobalProvidersAreTheDefault(t *testing.T) {
	i, err := redisotel.Interceptor(redisotel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := redis.Get("k").Do(t.Context(), redis.Intercept(canned{reply: "$1\r\nx\r\n"}, i)); err != nil {
		t.Error(err)
	}
}
