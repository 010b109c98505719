package redisotel_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	apitrace "go.opentelemetry.io/otel/trace"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redisotel"
)

func TestAMessageLinksItsHandlingToItsProducer(t *testing.T) {
	r := newRig()
	h := redisotel.QueueHooks(r.o)
	ctx, endEnqueue := h.Enqueue(context.Background(), "mail", 1)
	headers := map[string]string{}
	h.Inject(ctx, headers)
	endEnqueue(nil)
	if headers["traceparent"] == "" {
		t.Fatalf("headers %v", headers)
	}
	hctx, endHandle := h.Handle(context.Background(), &mq.Info{Queue: "mail", ID: "a", Attempt: 2, Headers: headers})
	inside := apitrace.SpanContextFromContext(hctx)
	endHandle(errors.New("no luck"))

	spans := r.spans.GetSpans()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	p, c := spans[0], spans[1]
	if p.Name != "enqueue mail" || p.SpanKind != apitrace.SpanKindProducer {
		t.Errorf("producer %+v", p)
	}
	if c.Name != "handle mail" || c.SpanKind != apitrace.SpanKindConsumer || c.Status.Code != codes.Error || c.SpanContext.SpanID() != inside.SpanID() {
		t.Errorf("consumer %+v", c)
	}
	if len(c.Links) != 1 || c.Links[0].SpanContext.SpanID() != p.SpanContext.SpanID() || c.SpanContext.TraceID() == p.SpanContext.TraceID() {
		t.Errorf("links %+v", c.Links)
	}
	// A message without a trace has a span without a link.
	_, endHandle = h.Handle(context.Background(), &mq.Info{Queue: "mail"})
	endHandle(nil)
	if c := r.spans.GetSpans()[2]; len(c.Links) != 0 {
		t.Errorf("links %+v", c.Links)
	}
}
