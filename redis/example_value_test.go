package redis_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

func ExampleNew() {
	ctx, client := exampleClient()

	fmt.Println(redis.New(redis.Text, "ECHO", "any command").Do(ctx, client))
	fmt.Println(redis.New(redis.Text, "ECHO", struct{}{}).Invalid())
	// Output:
	// any command <nil>
	// redis: ECHO: an argument of type struct {}
}

func ExampleTextSet() {
	members, err := redis.TextSet(resp.Value("*2\r\n$4\r\nblue\r\n$3\r\nred\r\n"))
	_, has := members["red"]
	fmt.Println(has, len(members), err)
	// Output: true 2 <nil>
}

func ExampleAs() {
	ctx, client := exampleClient()
	_ = redis.Set("n", "42").Do(ctx, client)

	fmt.Println(redis.As(redis.Get("n"), redis.Int).Do(ctx, client))
	// Output: 42 <nil>
}

func ExampleMap() {
	ctx, client := exampleClient()
	_ = redis.Set("until", "1h30m").Do(ctx, client)

	d, err := redis.Map(redis.Get("until"), time.ParseDuration).Do(ctx, client)
	fmt.Println(d, err)
	// Output: 1h30m0s <nil>
}

func ExampleOptional() {
	ctx, client := exampleClient()

	name, err := redis.Optional(redis.Get("name")).Do(ctx, client)
	fmt.Println(name.OK, name.Or("nobody"), err)
	// Output: false nobody <nil>
}

func ExampleInto() {
	ctx, client := exampleClient()
	_ = redis.Set("k", "value").Do(ctx, client)

	buffer := make([]byte, 0, 1024)
	buffer, err := redis.Into(redis.Get("k"), buffer[:0]).Do(ctx, client)
	fmt.Println(string(buffer), err)
	// Output: value <nil>
}

func ExampleGetAs() {
	ctx, client := exampleClient()
	type user struct{ Name string }

	_, _ = redis.SetAs(codec.JSON{}, "user:7", user{"ada"}, redis.SetOptions{TTL: time.Hour}).Do(ctx, client)
	u, err := redis.GetAs[user](codec.JSON{}, "user:7").Do(ctx, client)
	fmt.Println(u.Name, err)
	// Output: ada <nil>
}

func ExampleBy() {
	ctx, client := exampleClient()
	type user struct{ Name string }
	_, _ = redis.HSet("users", "7", `{"Name":"ada"}`).Do(ctx, client)

	u, err := redis.As(redis.HGet("users", "7"), redis.By[user](codec.JSON{})).Do(ctx, client)
	fmt.Println(u.Name, err)
	// Output: ada <nil>
}

// A command is a value: it is made once, looked at, and run many times.
func ExampleCmd() {
	ctx, client := exampleClient()

	visit := redis.Incr("visits")
	fmt.Println(visit.Command.Name(), visit.Invalid())
	for range 2 {
		n, err := visit.Do(ctx, client)
		fmt.Println(n, err)
	}
	// Output:
	// INCR <nil>
	// 1 <nil>
	// 2 <nil>
}

// What is set twice stays what it is: a client that retries may do so, also where the
// first attempt may have been executed.
func ExampleCmd_Idempotent() {
	mark := redis.SAdd("seen", "ada").Idempotent()
	flags := mark.Command.Flags()
	fmt.Println(flags&resp.Idempotent != 0)

	once := redis.SAdd("seen", "ada").With(resp.NoRetry) // not even where it was not executed
	flags = once.Command.Flags()
	fmt.Println(flags&resp.NoRetry != 0)
	// Output:
	// true
	// true
}

// Most commands that only set something are of this kind: they answer OK.
func ExampleStatus() {
	ctx, client := exampleClient()

	save := redis.Set("k", "v").Idempotent()
	fmt.Println(save.Do(ctx, client))

	var p redis.Pipeline
	saved := save.With(resp.NoRetry).Queue(&p)
	_ = p.Do(ctx, client)
	fmt.Println(saved.Err())

	// With a decoder of its own, where it is wanted as a Cmd.
	c := save.Cmd()
	_, err := c.Do(ctx, client)
	fmt.Println(err, redis.SetEx("k", "v", 30).Invalid()) // 30 what?
	// Output:
	// <nil>
	// <nil>
	// <nil> redis: SET: a duration of 30ns, which is below a millisecond: say 60*time.Second where you mean a minute
}

func ExampleSome() {
	show := func(limit redis.Opt[int64]) { fmt.Println(limit.OK, limit.Or(100)) }
	show(redis.Some[int64](7))
	show(redis.Opt[int64]{})
	// Output:
	// true 7
	// false 100
}

// A command of a module, as a function of one's own. What cannot be sent is an error
// before any I/O.
func ExampleInvalid() {
	bfAdd := func(key, item string) redis.Cmd[bool] {
		if item == "" {
			return redis.Invalid[bool]("BF.ADD", fmt.Errorf("no item"))
		}
		return redis.New(redis.Bool, "BF.ADD", key, item)
	}
	fmt.Println(bfAdd("seen", "ada").Invalid())
	_, err := bfAdd("seen", "").Do(context.Background(), nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// redis: BF.ADD: no item
}

// A reply behind what is in a buffer already.
func ExampleBuffered() {
	ctx, client := exampleClient()
	_ = redis.Set("page", "<html>").Do(ctx, client)

	answer := append(make([]byte, 0, 4096), "200 OK: "...)
	answer, err := redis.Into(redis.Get("page"), answer).Do(ctx, client) // appends
	fmt.Println(string(answer), err)
	// Output: 200 OK: <html> <nil>
}

// Own types from replies: a decoder is a function, and made of others.
func ExampleDecoder() {
	type reading struct{ Sensor, Celsius string }
	var decode redis.Decoder[reading] = func(v resp.Value) (reading, error) {
		fields, err := redis.TextMap(v)
		return reading{fields["sensor"], fields["celsius"]}, err
	}
	ctx, client := exampleClient()
	_, _ = redis.HSet("latest", "sensor", "roof", "celsius", "7.5").Do(ctx, client)

	r, err := redis.As(redis.HGetAll("latest"), decode).Do(ctx, client)
	fmt.Println(r.Sensor, r.Celsius, err)
	// Output: roof 7.5 <nil>
}

// Decoders of commands that have no function here, in the words of RESP. A fake gives the
// replies.
func ExampleMapOf() {
	ctx := context.Background()
	reply := func(raw string) redis.Doer { return redistest.Func(func([]string) string { return raw }) }

	counts := redis.New(redis.MapOf(redis.Text, redis.Int), "MY.COUNTS")
	fmt.Println(counts.Do(ctx, reply(redistest.Map(redistest.Bulk("tea"), redistest.Int(3)))))

	flags := redis.New(redis.Bools, "MY.FLAGS")
	fmt.Println(flags.Do(ctx, reply(redistest.Array(redistest.Int(1), redistest.Int(0)))))

	rows := redis.New(redis.ListOf(redis.Texts), "MY.ROWS")
	fmt.Println(rows.Do(ctx, reply(redistest.Array(redistest.Bulks("a", "b"), redistest.Bulks("c")))))

	numbers := redis.New(redis.Ints, "MY.NUMBERS")
	fmt.Println(numbers.Do(ctx, reply(redistest.Array(redistest.Int(7), redistest.Bulk("8")))))

	measured := redis.New(redis.Floats, "MY.MEASURED")
	fmt.Println(measured.Do(ctx, reply(redistest.Array(redistest.Double(0.5), redistest.Bulk("1.5")))))
	// Output:
	// map[tea:3] <nil>
	// [true false] <nil>
	// [[a b] [c]] <nil>
	// [7 8] <nil>
	// [0.5 1.5] <nil>
}

// Replies some of whose parts are null.
func ExampleOptOf() {
	texts := resp.Value("*2\r\n$1\r\na\r\n$-1\r\n")
	ints := resp.Value("*2\r\n:7\r\n$-1\r\n")
	floats := resp.Value("*2\r\n$3\r\n1.5\r\n$-1\r\n")

	fmt.Println(redis.OptTexts(texts))
	fmt.Println(redis.OptInts(ints))
	fmt.Println(redis.OptFloats(floats))
	fmt.Println(redis.ListOf(redis.OptOf(redis.Text))(texts)) // the same for any decoder
	// Output:
	// [{a true} { false}] <nil>
	// [{7 true} {0 false}] <nil>
	// [{1.5 true} {0 false}] <nil>
	// [{a true} { false}] <nil>
}

// Times as numbers, which say "never" by -1.
func ExampleUnixMillis() {
	at, err := redis.UnixMillis(resp.Value(":1767225600000\r\n"))
	fmt.Println(at.UTC(), err)
	at, err = redis.UnixSeconds(resp.Value(":-1\r\n"))
	fmt.Println(at.IsZero(), err)

	left, err := redis.Millis(resp.Value(":90000\r\n"))
	fmt.Println(left, err)
	left, err = redis.Seconds(resp.Value(":-1\r\n"))
	fmt.Println(left == redis.NoExpiry, err)
	// Output:
	// 2026-01-01 00:00:00 +0000 UTC <nil>
	// true <nil>
	// 1m30s <nil>
	// true <nil>
}

// A reply as it came, for what has no decoder; and one that must be OK.
func ExampleRaw() {
	ctx := context.Background()
	fake := redistest.Func(func(args []string) string {
		if args[0] == "MY.SET" {
			return redistest.OK
		}
		return redistest.Array(redistest.Int(1), redistest.Bulk("two"))
	})

	v, err := redis.New(redis.Raw, "MY.MIX").Do(ctx, fake)
	fmt.Println(v.Kind(), v.Len(), v, err)
	_, err = redis.New(redis.OK, "MY.SET").Do(ctx, fake)
	fmt.Println(err)
	picture, err := redis.New(redis.Bytes, "ECHO", []byte("picture")).Do(ctx, redistest.Func(func(args []string) string { return redistest.Bulk(args[1]) }))
	fmt.Println(string(picture), err)
	// Output:
	// array 2 [(integer) 1, "two"] <nil>
	// <nil>
	// picture <nil>
}

// Codecs are two methods. This one keeps times as their seconds.
func ExampleCodec() {
	ctx, client := exampleClient()
	var seconds redis.Codec = unixTime{}

	started := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	_, _ = redis.SetAs(seconds, "started", started, redis.SetOptions{}).Do(ctx, client)
	t, err := redis.GetAs[time.Time](seconds, "started").Do(ctx, client)
	fmt.Println(t.UTC(), err)

	b, _ := seconds.Encode(started)
	var again time.Time
	err = seconds.Decode(b, &again)
	fmt.Println(string(b), again.Equal(started), err)
	// Output:
	// 2026-01-01 12:00:00 +0000 UTC <nil>
	// 1767268800 true <nil>
}

// unixTime is the codec of an example.
type unixTime struct{}

func (unixTime) Encode(v any) ([]byte, error) {
	return fmt.Append(nil, v.(time.Time).Unix()), nil
}

func (unixTime) Decode(b []byte, v any) error {
	var n int64
	_, err := fmt.Sscan(string(b), &n)
	*v.(*time.Time) = time.Unix(n, 0)
	return err
}
