package codec_test

import (
	"fmt"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/redis"
)

// Two hashes in one round trip: Struct is a decoder for any command that replies as
// HGETALL does.
func ExampleStruct() {
	ctx, client, end := exampleClient()
	defer end()

	_, _ = redis.HSet("user:7", "name", "ada").Do(ctx, client)
	_, _ = redis.HSet("user:8", "name", "bob").Do(ctx, client)
	var p redis.Pipeline
	ada := redis.As(redis.HGetAll("user:7"), codec.Struct[User]).Queue(&p)
	bob := redis.New(codec.Struct[User], "HGETALL", "user:8").Queue(&p)
	fmt.Println(p.Exec(ctx, client))
	for _, f := range []redis.Future[User]{ada, bob} {
		u, err := f.Value()
		fmt.Println(u.Name, err)
	}
	// Output:
	// <nil>
	// ada <nil>
	// bob <nil>
}

// Codecs work without a client as well: here for a file that another program reads.
func ExampleJSON_Encode() {
	text, err := codec.JSON{}.Encode([]string{"a"})
	fmt.Printf("%s %v\n", text, err)
	var all []string
	fmt.Println(codec.JSON{}.Decode(text, &all), all)

	b, err := codec.Gob{}.Encode(map[string]int{"a": 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	var m map[string]int
	fmt.Println(codec.Gob{}.Decode(b, &m), m)
	// Output:
	// ["a"] <nil>
	// <nil> [a]
	// <nil> map[a:1]
}
