package pool_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
)

func TestStatsAsJSONHaveTheErrorAsText(t *testing.T) {
	for want, s := range map[string]pool.Stats{
		`{"Open":2,"Idle":1,"Leased":0,"Dialing":0,"Waiting":0,"InFlight":0,"Dials":3,"DialErrors":1,"Leases":0,"Waits":0,"Closed":0,"LastDialError":"refused"}`: {Open: 2, Idle: 1, Dials: 3, DialErrors: 1, LastDialError: errors.New("refused")},
		`{"Open":0,"Idle":0,"Leased":0,"Dialing":0,"Waiting":0,"InFlight":0,"Dials":0,"DialErrors":0,"Leases":0,"Waits":0,"Closed":0}`:                           {},
	} {
		got, err := json.Marshal(s)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}

func TestAPoolAndItsOptionsArePrintedWithoutThePassword(t *testing.T) {
	o := pool.Options{Conn: conn.Options{Addr: "h:1", Password: "s3cret"}}
	p := pool.New(o)
	defer p.Close()
	s := pubsub.New(pubsub.Server{Options: o.Conn}, pubsub.Options{})
	defer s.Close()
	sub := s.NewSubscription(pubsub.Queue{})
	nested := struct {
		Pool *pool.Pool
		Sub  *pubsub.Subscriber
	}{p, s}
	var log strings.Builder
	var texts []string
	for _, value := range []any{o, &o, p, s, sub, nested, &nested} {
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
	if got := fmt.Sprint(p); got != "pool of h:1 (open 0, leased 0)" {
		t.Error(got)
	}
}
