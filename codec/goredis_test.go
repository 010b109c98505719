package codec_test

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/redis"
)

// theirs is a struct as a program of go-redis has it, with the options that keep what
// is stored.
type theirs struct {
	_       struct{}      `redis:",tagged"`
	Name    string        `redis:"name"`
	Session time.Duration `redis:"session,nanos"`
	Page    url.URL       `redis:"page,binary"`
	On      bool          `redis:"on"`
	Created time.Time     `redis:"created"`
	Rate    float64       `redis:"rate,omitempty"`
	Cache   map[string]int
}

// stored is what HSet of go-redis v9 writes for it.
var stored = []string{"name", "ada", "session", "90000000000", "page", "http://h/p?q=1", "on", "1", "created", "2026-01-02T03:04:05.000000006Z", "rate", "0.25"}

func TestWhatGoRedisStoresIsWrittenAndRead(t *testing.T) {
	v := theirs{Name: "ada", Session: 90 * time.Second, Page: url.URL{Scheme: "http", Host: "h", Path: "/p", RawQuery: "q=1"}, On: true,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Rate: 0.25, Cache: map[string]int{"stays": 1}}
	got, err := codec.Fields(&v)
	if err != nil || !reflect.DeepEqual(got, stored) {
		t.Errorf("%v, %v, want %v", got, err, stored)
	}
	var fields []redis.FieldValue
	for i := 0; i < len(stored); i += 2 {
		fields = append(fields, redis.FieldValue{Field: stored[i], Value: stored[i+1]})
	}
	back, err := codec.FromFields[theirs](fields)
	v.Cache = nil
	if err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestADurationIsReadInBothForms(t *testing.T) {
	type plain struct{ D time.Duration }
	for text, want := range map[string]time.Duration{"90000000000": 90 * time.Second, "-5": -5, "0": 0, "1m30s": 90 * time.Second} {
		got, err := codec.FromFields[plain]([]redis.FieldValue{{Field: "D", Value: text}})
		if err != nil || got.D != want {
			t.Errorf("%s: %v, %v", text, got.D, err)
		}
	}
	if _, err := codec.FromFields[plain]([]redis.FieldValue{{Field: "D", Value: "soon"}}); err == nil {
		t.Error("no error")
	}
}

func TestOptionsThatDoNotFitTheirFieldAreErrors(t *testing.T) {
	for want, v := range map[string]any{
		"nanos is for a time.Duration": struct {
			N int `redis:"n,nanos"`
		}{},
		"no encoding.BinaryMarshaler": struct {
			N int `redis:"n,binary"`
		}{},
		"has no field": struct {
			_ struct{} `redis:",tagged"`
			N int
		}{},
	} {
		err := codec.HSet("k", v).Invalid()
		if arg := (*redis.ArgError)(nil); !errors.As(err, &arg) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
