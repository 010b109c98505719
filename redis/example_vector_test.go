package redis_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleVSimWithScores() {
	// Redis 8.0.
	similar := func(ctx context.Context, client redis.Doer, embedding []float32) ([]redis.Z, error) {
		return redis.VSimWithScores("films", redis.VQuery{Vector: embedding, Count: 5, Filter: ".year >= 1980"}).Do(ctx, client)
	}
	_ = similar
}

// Films with what is known of them, for filters. Vector sets are of Redis 8.0.
func ExampleVAdd() {
	add := func(ctx context.Context, client redis.Doer, title string, embedding []float32, about map[string]any) error {
		attributes, err := json.Marshal(about)
		if err != nil {
			return err
		}
		_, err = redis.VAdd("films", title, embedding, redis.VAddOptions{Attributes: string(attributes), CAS: true}).Do(ctx, client)
		return err
	}
	_ = add // add(ctx, client, "Metropolis", embedding, map[string]any{"year": 1927})
}

// How the numbers are kept: it is the same in all calls for a set.
func ExampleQuantization() {
	for _, q := range []redis.Quantization{
		redis.QuantInt8, // a byte for each number: the default
		redis.QuantBit,  // a bit: smallest and least exact
		redis.QuantNone, // four bytes: exact
	} {
		add := redis.VAdd("films", "Metropolis", []float32{0.1, 0.7}, redis.VAddOptions{Quant: q})
		fmt.Println(add.Command.Arg(4))
	}
	// Output:
	// Q8
	// BIN
	// NOQUANT
}

// What is like a film that is in the set.
func ExampleVSim() {
	alike := redis.VQuery{Element: "Metropolis", Count: 5, Filter: ".year < 1940"}
	titles := func(ctx context.Context, client redis.Doer) ([]string, error) {
		return redis.VSim("films", alike).Do(ctx, client)
	}
	details := func(ctx context.Context, client redis.Doer) error {
		found, err := redis.VSimWithAttributes("films", alike).Do(ctx, client) // Redis 8.2
		for _, m := range found {
			if m.Score > 0.9 && m.Attributes.OK {
				fmt.Println(m.Element, m.Attributes.Value)
			}
		}
		return err
	}
	_, _ = titles, details
}

// An element: its vector, its attributes, and the end of it.
func ExampleVEmb() {
	look := func(ctx context.Context, client redis.Doer, title string) error {
		there, err := redis.VIsMember("films", title).Do(ctx, client) // Redis 8.2
		if err != nil || !there {
			return err
		}
		vector, err := redis.VEmb("films", title).Do(ctx, client)
		if err != nil {
			return err
		}
		about, err := redis.VGetAttr("films", title).Do(ctx, client)
		if err != nil && !errors.Is(err, redis.ErrNil) {
			return err
		}
		fmt.Println(vector, about)
		_, err = redis.VSetAttr("films", title, `{"year": 1927}`).Do(ctx, client)
		return err
	}
	remove := func(ctx context.Context, client redis.Doer, title string) (bool, error) {
		return redis.VRem("films", title).Do(ctx, client)
	}
	_, _ = look, remove
}

// The vector as the set keeps it, normalized.
func ExampleVEmbRaw() {
	first := func(ctx context.Context, client redis.Doer, title string) (float64, error) {
		raw, err := redis.VEmbRaw("films", title).Do(ctx, client)
		if err != nil || raw.Quant != "int8" {
			return 0, err
		}
		return float64(int8(raw.Data[0])) / 127 * raw.Range * raw.Norm, nil
	}
	_ = first
}

func ExampleVInfo() {
	look := func(ctx context.Context, client redis.Doer, key string) error {
		n, err := redis.VCard(key).Do(ctx, client) // 0 without such a key
		if err != nil || n == 0 {
			return err
		}
		dimensions, err := redis.VDim(key).Do(ctx, client)
		if err != nil {
			return err
		}
		fmt.Println(dimensions, "dimensions")
		i, err := redis.VInfo(key).Do(ctx, client)
		fmt.Println("kept as", i.Quant, "with up to", i.Links, "neighbors")
		return err
	}
	_ = look
}

// The neighbors of an element on the lowest level of the graph, where all elements are.
func ExampleVLinks() {
	neighbors := func(ctx context.Context, client redis.Doer, title string) ([]string, error) {
		levels, err := redis.VLinks("films", title).Do(ctx, client)
		if err != nil {
			return nil, err
		}
		return levels[len(levels)-1], nil
	}
	scores := func(ctx context.Context, client redis.Doer, title string) ([][]redis.Z, error) {
		return redis.VLinksWithScores("films", title).Do(ctx, client)
	}
	_, _ = neighbors, scores
}

// All elements, page by page in the order of their bytes. Redis 8.4.
func ExampleVRange() {
	each := func(ctx context.Context, client redis.Doer, use func(title string)) error {
		for from := redis.MinLex; ; {
			page, err := redis.VRange("films", from, redis.MaxLex, 1000).Do(ctx, client)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, title := range page {
				use(title)
			}
			from = redis.LexExcl(page[len(page)-1])
		}
	}
	_ = each
}

func ExampleVRandMembers() {
	fmt.Println(redis.Redacted(redis.VRandMember("films").Command))
	fmt.Println(redis.Redacted(redis.VRandMembers("films", 5).Command))  // different ones
	fmt.Println(redis.Redacted(redis.VRandMembers("films", -5).Command)) // they may repeat
	// Output:
	// VRANDMEMBER "films"
	// VRANDMEMBER "films" "5"
	// VRANDMEMBER "films" "-5"
}
