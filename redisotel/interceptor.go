package redisotel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// Interceptor returns an interceptor for redis.Intercept that records a client
// span, and the metric db.client.operation.duration in seconds, for each call.
// The use of an exclusive connection is an internal span. Its error says that the
// provider did not accept the metric.
func Interceptor(o Options) (redis.Interceptor, error) {
	o = o.withDefaults()
	h, err := o.MeterProvider.Meter(scope).Float64Histogram("db.client.operation.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Duration of database client operations."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
	if err != nil {
		return nil, err
	}
	r := &recorder{o: o, tracer: o.TracerProvider.Tracer(scope), duration: h}
	return r.intercept, nil
}

type recorder struct {
	o        Options
	tracer   trace.Tracer
	duration metric.Float64Histogram
}

func (r *recorder) intercept(ctx context.Context, call redis.Call) (context.Context, func(redis.Outcome)) {
	if call.Name == redis.CallLease {
		ctx, span := r.tracer.Start(ctx, "redis lease", trace.WithSpanKind(trace.SpanKindInternal))
		return ctx, func(out redis.Outcome) { finish(span, out) }
	}
	op := operation(call)
	attrs := append(r.o.server(), keySystem.String("redis"), keyOperation.String(op))
	name := op
	if r.o.Namespace != "" {
		name += " " + r.o.Namespace
		attrs = append(attrs, keyNamespace.String(r.o.Namespace))
	}
	if proc := procedure(call); proc != "" {
		attrs = append(attrs, keyProcedure.String(proc))
	}
	ctx, span := r.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	if span.IsRecording() {
		r.describe(span, call)
	}
	return ctx, func(out redis.Outcome) {
		attrs := append(attrs, failure(out.Err)...)
		r.duration.Record(ctx, out.Duration.Seconds(), metric.WithAttributes(attrs...))
		finish(span, out)
	}
}

// describe adds what is for spans only: it would make too many metrics.
func (r *recorder) describe(span trace.Span, call redis.Call) {
	if n := len(call.Commands); n > 1 {
		span.SetAttributes(keyBatch.Int(n))
	}
	if r.o.QueryText {
		span.SetAttributes(keyText.String(call.String()))
	}
}

func finish(span trace.Span, out redis.Outcome) {
	if out.Attempts > 1 {
		span.SetAttributes(keyAttempts.Int(out.Attempts))
	}
	if out.Err != nil {
		span.SetAttributes(failure(out.Err)...)
		span.SetStatus(codes.Error, out.Err.Error())
	}
	span.End()
}

// operation returns the name of the command, or PIPELINE and MULTI with the name
// that all their commands have.
func operation(call redis.Call) string {
	if call.Name != redis.CallPipeline && call.Name != redis.CallMulti {
		return strings.ToUpper(call.Name)
	}
	for i, c := range call.Commands {
		if i > 0 && c.Name() != call.Commands[0].Name() {
			return call.Name
		}
	}
	if len(call.Commands) == 0 {
		return call.Name
	}
	return call.Name + " " + strings.ToUpper(call.Commands[0].Name())
}

// procedure returns the hash of a script or the name of a function.
func procedure(call redis.Call) string {
	if len(call.Commands) != 1 || call.Commands[0].NArgs() == 0 {
		return ""
	}
	switch strings.ToUpper(call.Commands[0].Name()) {
	case "EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO":
		return call.Commands[0].Arg(0).String()
	}
	return ""
}

// failure describes an error in words of which there are few.
func failure(err error) []attribute.KeyValue {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*resp.Error](err); ok && e.Code != "" {
		return []attribute.KeyValue{keyStatus.String(e.Code), keyErrorType.String(e.Code)}
	}
	return []attribute.KeyValue{keyErrorType.String(errorType(err))}
}

func errorType(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "context.Canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "context.DeadlineExceeded"
	}
	if c := redis.ClassOf(err); c != redis.ClassNone {
		return c.String()
	}
	return fmt.Sprintf("%T", err)
}
