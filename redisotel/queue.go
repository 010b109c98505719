package redisotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/kermes-redis/kermes/mq"
)

// Attributes of the semantic conventions for messaging.
const (
	keyMessaging     = attribute.Key("messaging.system")
	keyDestination   = attribute.Key("messaging.destination.name")
	keyMessageOp     = attribute.Key("messaging.operation.name")
	keyMessageOpType = attribute.Key("messaging.operation.type")
	keyMessageID     = attribute.Key("messaging.message.id")
	keyMessageBatch  = attribute.Key("messaging.batch.message_count")
	keyAttempt       = attribute.Key("kermes.mq.attempt") // ours
)

// QueueHooks returns the hooks of a message queue, for mq.Options: a producer span
// for each enqueue, and for each message that is handled a consumer span, the root of
// a trace of its own with a link to the producer's. The context of the producer
// travels in the headers of the message, as W3C traceparent and tracestate.
//
//	q := mq.New[Welcome](client, "welcome", mq.Options{Hooks: redisotel.QueueHooks(redisotel.Options{})})
func QueueHooks(o Options) mq.Hooks {
	o = o.withDefaults()
	h := queueHooks{o.TracerProvider.Tracer(scope), propagation.TraceContext{}}
	return mq.Hooks{Enqueue: h.enqueue, Inject: h.inject, Handle: h.handle}
}

type queueHooks struct {
	tracer trace.Tracer
	format propagation.TraceContext
}

func (h queueHooks) enqueue(ctx context.Context, queue string, n int) (context.Context, func(error)) {
	attrs := []attribute.KeyValue{keyMessaging.String("kermes"), keyDestination.String(queue),
		keyMessageOp.String("enqueue"), keyMessageOpType.String("send")}
	if n != 1 {
		attrs = append(attrs, keyMessageBatch.Int(n))
	}
	ctx, span := h.tracer.Start(ctx, "enqueue "+queue, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attrs...))
	return ctx, func(err error) { end(span, err) }
}

func (h queueHooks) inject(ctx context.Context, headers map[string]string) {
	h.format.Inject(ctx, propagation.MapCarrier(headers))
}

func (h queueHooks) handle(ctx context.Context, m *mq.Info) (context.Context, func(error)) {
	producer := trace.SpanContextFromContext(h.format.Extract(context.Background(), propagation.MapCarrier(m.Headers)))
	options := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(keyMessaging.String("kermes"), keyDestination.String(m.Queue), keyMessageOp.String("handle"),
			keyMessageOpType.String("process"), keyMessageID.String(m.ID), keyAttempt.Int(m.Attempt)),
	}
	if producer.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: producer}))
	}
	ctx, span := h.tracer.Start(ctx, "handle "+m.Queue, options...)
	return ctx, func(err error) { end(span, err) }
}

func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		if p, ok := errors.AsType[*mq.PanicError](err); ok {
			span.RecordError(p)
		}
	}
	span.End()
}
