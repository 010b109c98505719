package codec

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

var shared testredis.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	os.Exit(code)
}

func inBothProtocols(t *testing.T, fn func(t *testing.T, c *conn.Conn)) {
	t.Helper()
	for proto, name := range map[int]string{2: "RESP2", 3: "RESP3"} {
		t.Run(name, func(t *testing.T) {
			c, err := conn.Dial(t.Context(), conn.Options{Addr: shared.Node(t).Addr(), Protocol: proto})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := redis.FlushAll(false).Do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			fn(t, c)
		})
	}
}

type Audit struct {
	Created time.Time `redis:"created"`
	By      string    `redis:"by,omitempty"`
}

type Place struct{ City, Street string }

type color int

func (c color) MarshalText() ([]byte, error) { return []byte(strings.Repeat("#", int(c))), nil }

func (c *color) UnmarshalText(b []byte) error { *c = color(len(b)); return nil }

type person struct {
	Audit
	*Place
	ID      int64 `redis:"id"`
	Name    string
	Nick    *string `redis:"nick"`
	Age     uint8
	Admin   bool
	Score   float64
	Ratio   float32 `redis:"ratio"`
	Photo   []byte
	Timeout time.Duration
	Addr    netip.Addr
	Color   *color
	Tags    []string `redis:"tags,json"`
	Secret  string   `redis:"-"`
}

func someone() person {
	nick, c := "bob", color(3)
	return person{
		Audit: Audit{Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}, Place: &Place{"Oslo", "A \x00\r\n"},
		ID: -7, Name: "Robert", Nick: &nick, Age: 255, Admin: true, Score: 0.1, Ratio: 1.5, Photo: []byte{0, 1, 255},
		Timeout: 1500 * time.Millisecond, Addr: netip.MustParseAddr("::1"), Color: &c, Tags: []string{"a", "b"},
	}
}

var compare = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

func TestAStructComesBackFromItsHash(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		in := someone()
		n, err := HSet("p", &in).Do(t.Context(), c)
		if err != nil || n != 15 {
			t.Fatal(n, err)
		}
		for name, cmd := range map[string]redis.Cmd[person]{"HGETALL": HGetAll[person]("p"), "HMGET": HMGet[person]("p")} {
			out, err := cmd.Do(t.Context(), c)
			if diff := cmp.Diff(in, out, compare); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
		raw, err := redis.HGetAll("p").Do(t.Context(), c)
		want := map[string]string{"created": "2026-01-02T03:04:05.000000006Z", "City": "Oslo", "Street": "A \x00\r\n", "id": "-7", "Name": "Robert",
			"nick": "bob", "Age": "255", "Admin": "1", "Score": "0.1", "ratio": "1.5", "Photo": "\x00\x01\xff", "Timeout": "1.5s", "Addr": "::1",
			"Color": "###", "tags": `["a","b"]`}
		if diff := cmp.Diff(want, raw); err != nil || diff != "" {
			t.Error(err, diff)
		}
		var p redis.Pipeline
		f := HGetAll[person]("p").Queue(&p)
		err = p.Do(t.Context(), c)
		out, err2 := f.Value()
		if diff := cmp.Diff(in, out, compare); err != nil || err2 != nil || diff != "" {
			t.Error("pipeline", err, err2, diff)
		}
	})
}

func TestMissingAndForeignFieldsAreLeftAlone(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		if _, err := HGetAll[person]("none").Do(t.Context(), c); !errors.Is(err, redis.ErrNil) {
			t.Error("no key:", err)
		}
		got, err := HMGet[person]("none").Do(t.Context(), c)
		if diff := cmp.Diff(person{}, got, compare); err != nil || diff != "" {
			t.Error("HMGET of no key:", err, diff)
		}
		if _, err := redis.HSet("p", "Name", "x", "foreign", "y", "Secret", "z").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		got, err = HGetAll[person]("p").Do(t.Context(), c)
		if diff := cmp.Diff(person{Name: "x"}, got, compare); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if _, err := redis.HSet("p", "Age", "256").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err = HGetAll[person]("p").Do(t.Context(), c); err == nil || !strings.Contains(err.Error(), "person.Age") {
			t.Error("a value out of range names the field:", err)
		}
		if err := redis.Set("s", "x").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := HGetAll[person]("s").Do(t.Context(), c); !errors.Is(err, redis.ErrWrongType) {
			t.Error("wrong type:", err)
		}
	})
}

func TestAStreamEntryIsReadAsAStruct(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		in := someone()
		fields, err := Fields(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := redis.XAdd("s", redis.XAddOptions{}, fields...).Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		es, err := redis.XRange("s", "-", "+", 0).Do(t.Context(), c)
		if err != nil || len(es) != 1 {
			t.Fatal(es, err)
		}
		out, err := FromFields[person](es[0].Fields)
		if diff := cmp.Diff(in, out, compare); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

type outOnly struct{ n int }

func (o outOnly) MarshalText() ([]byte, error) {
	if o.n < 0 {
		return nil, errors.New("negative")
	}
	return []byte("x"), nil
}

type inOnly struct{ N int }

func (i *inOnly) UnmarshalText(b []byte) error { i.N = len(b); return nil }

type loop struct{ *loop }

func TestTypesThatDoNotFitAreErrorsThatNameTheField(t *testing.T) {
	type Left struct{ Name string }
	type Right struct{ Name string }
	type inner struct{ Name string }
	for want, cmd := range map[string]redis.Cmd[int64]{
		"Bad":            HSet("k", struct{ Bad []string }{}),
		"map[string]int": HSet("k", struct{ M map[string]int }{}),
		"**int":          HSet("k", struct{ PP **int }{}),
		"chan int":       HSet("k", struct{ C chan int }{}),
		"embeds itself":  HSet("k", loop{}),
		"tagged": HSet("k", struct {
			name string `redis:"name"`
		}{}),
		"unknown option omitnil": HSet("k", struct {
			N int `redis:"n,omitnil"`
		}{}),
		"are both \"Name\"": HSet("k", struct {
			Left
			Right
		}{}),
		"cannot be set":  HSet("k", struct{ *inner }{}),
		"no field":       HSet("k", struct{}{}),
		"not a struct":   HSet("k", 7),
		"nor a pointer":  HSet("k", (*person)(nil)),
		"without fields": HSet("k", struct{ P *int }{}),
		"In":             HSet("k", struct{ In inOnly }{}),
		"Out: negative":  HSet("k", struct{ Out outOnly }{outOnly{-1}}),
		"J: json": HSet("k", struct {
			J chan int `redis:",json"`
		}{}),
		"HSET: codec: not": HSet("k", nil),
	} {
		_, err := cmd.Do(t.Context(), nil)
		var arg *redis.ArgError
		if !errors.As(err, &arg) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, err := range map[string]error{
		"Out":          HGetAll[struct{ Out outOnly }]("k").Invalid(),
		"Bad":          HMGet[struct{ Bad []string }]("k").Invalid(),
		"not a struct": HGetAll[string]("k").Invalid(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := HGetAll[struct{ In inOnly }]("k").Invalid(); err != nil {
		t.Error("what can be read need not be writable:", err)
	}
	if err := HSet("k", struct{ Out outOnly }{}).Invalid(); err != nil {
		t.Error("what can be written need not be readable:", err)
	}
}

func TestTheOuterOfTwoFieldsWithOneNameCounts(t *testing.T) {
	type Inner struct{ Name string }
	v := struct {
		Inner
		Name string
	}{Inner{"in"}, "out"}
	got, err := Fields(v)
	if diff := cmp.Diff([]string{"Name", "out"}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func FuzzAHashOfAnyTextIsReadOrAnError(f *testing.F) {
	f.Add("id", "7", "tags", `["a"]`)
	f.Add("created", "2026-01-02T03:04:05Z", "Timeout", "1h")
	f.Add("Age", "-1", "Score", "NaN")
	f.Fuzz(func(t *testing.T, f1, v1, f2, v2 string) {
		p, err := FromFields[person]([]redis.FieldValue{{Field: f1, Value: v1}, {Field: f2, Value: v2}})
		if err != nil {
			return
		}
		pairs, err := Fields(p)
		if err != nil {
			return // a time of year 10000 is read, and not written
		}
		var again []redis.FieldValue
		for i := 0; i < len(pairs); i += 2 {
			again = append(again, redis.FieldValue{Field: pairs[i], Value: pairs[i+1]})
		}
		q, err := FromFields[person](again)
		if err != nil {
			t.Fatalf("%q is not read: %v", pairs, err)
		}
		repeated, err := Fields(q)
		if diff := cmp.Diff(pairs, repeated); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}
