package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	kermes "github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestNothingThatIsPrintedOrLoggedShowsAPassword(t *testing.T) {
	leak.Check(t)
	secret := conn.Options{Addr: "127.0.0.1:1", Password: "s3cret"}
	o := client.Options{
		Group:    sentinel.GroupOptions{Conn: secret, Sentinels: []string{"127.0.0.1:1"}},
		Master:   "m",
		Pool:     pool.Options{Conn: secret},
		NoWait:   true,
		Replicas: client.ReplicaOptions{Pool: &pool.Options{Conn: secret}},
	}
	behind, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	one, err := client.Open(t.Context(), client.Options{Pool: pool.Options{Conn: secret}})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	front := kermes.Options{Password: "s3cret", SentinelPassword: "s3cret", Client: o}
	type nested struct {
		Client  *client.Client
		Options client.Options
		Front   kermes.Options
	}
	var log strings.Builder
	var texts []string
	for _, value := range []any{
		o, &o, front, &front, o.Group, o.Pool, o.Replicas, behind, one, behind.Group(), behind.Replicas(), behind.Subscriptions(),
		nested{behind, o, front}, &nested{one, o, front}, []any{o, behind}, map[string]any{"o": o},
	} {
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("x", "value", value)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	for _, text := range append(texts, log.String()) {
		if strings.Contains(text, "s3cret") {
			t.Error(text)
		}
	}
	if got := fmt.Sprint(one); got != "client of 127.0.0.1:1" {
		t.Error(got)
	}
	if got := fmt.Sprint(behind); got != `client of master "m" (unknown yet)` {
		t.Error(got)
	}
}

func TestASubscriberEndsWhenItsClientIsClosed(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for name, source := range map[string]func(c *client.Client) pubsub.Source{
		"client":        func(c *client.Client) pubsub.Source { return c },
		"subscriptions": func(c *client.Client) pubsub.Source { return c.Subscriptions() },
	} {
		c, err := client.Open(t.Context(), client.Options{Pool: pool.Options{Conn: conn.Options{Addr: s.Addr()}}})
		if err != nil {
			t.Fatal(err)
		}
		subscriber := pubsub.New(source(c), pubsub.Options{})
		sub, err := subscriber.Subscribe(t.Context(), "channel")
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		for range sub.All(context.Background()) {
		}
		if err := sub.Err(); !errors.Is(err, pubsub.ErrSourceClosed) {
			t.Errorf("%s: ended with %v", name, err)
		}
		_ = subscriber.Close()
	}
}
