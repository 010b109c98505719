package redis_test

import (
	"context"
	"fmt"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleGeoSearchHits() {
	ctx, client := exampleClient()

	_, _ = redis.GeoAdd("towns",
		redis.Place{Member: "Palermo", Point: redis.Point{Longitude: 13.361389, Latitude: 38.115556}},
		redis.Place{Member: "Catania", Point: redis.Point{Longitude: 15.087269, Latitude: 37.502669}}).Do(ctx, client)
	km, _ := redis.GeoDist("towns", "Palermo", "Catania", redis.Kilometers).Do(ctx, client)
	fmt.Printf("%.0f km\n", km)

	near := redis.GeoArea{Center: redis.Point{Longitude: 15, Latitude: 37}, Radius: 100, Unit: redis.Kilometers}
	fmt.Println(redis.Redacted(redis.GeoSearch("towns", near, redis.GeoOptions{Order: redis.Nearest}).Command))
	// Output:
	// 166 km
	// GEOSEARCH "towns" "FROMLONLAT" "15" "37" "BYRADIUS" "100" "km" "ASC"
}

// Cars that move: a place is set only where there is one.
func ExampleGeoAddWith() {
	ctx, client := exampleClient()

	at := func(member string, longitude, latitude float64) redis.Place {
		return redis.Place{Member: member, Point: redis.Point{Longitude: longitude, Latitude: latitude}}
	}
	n, _ := redis.GeoAdd("cars", at("red", 13.36, 38.11), at("blue", 15.08, 37.50)).Do(ctx, client)
	fmt.Println(n)

	moved := redis.GeoAddWith("cars", redis.GeoAddOptions{If: redis.IfPresent, Changed: true}, at("red", 13.37, 38.12))
	fmt.Println(redis.Redacted(moved.Command))
	// Output:
	// 2
	// GEOADD "cars" "XX" "CH" "13.37" "38.12" "red"
}

func ExampleGeoPos() {
	ctx, client := exampleClient()
	_, _ = redis.GeoAdd("towns", redis.Place{Member: "Palermo", Point: redis.Point{Longitude: 13.361389, Latitude: 38.115556}}).Do(ctx, client)

	points, _ := redis.GeoPos("towns", "Palermo", "Atlantis").Do(ctx, client)
	palermo := points[0].Value
	fmt.Printf("%.3f %.3f\n", palermo.Longitude, palermo.Latitude)
	fmt.Println(points[1].OK)
	// Output:
	// 13.361 38.116
	// false
}

// Geohashes, as maps on the web take them.
func ExampleGeoHash() {
	link := func(ctx context.Context, client redis.Doer, town string) (string, error) {
		hashes, err := redis.GeoHash("towns", town).Do(ctx, client)
		if err != nil || !hashes[0].OK {
			return "", err
		}
		return "http://geohash.org/" + hashes[0].Value, nil
	}
	_ = link
}

func ExampleGeoDist() {
	ctx, client := exampleClient()
	_, _ = redis.GeoAdd("towns",
		redis.Place{Member: "Palermo", Point: redis.Point{Longitude: 13.361389, Latitude: 38.115556}},
		redis.Place{Member: "Catania", Point: redis.Point{Longitude: 15.087269, Latitude: 37.502669}}).Do(ctx, client)

	for _, unit := range []redis.Unit{redis.Meters, redis.Kilometers, redis.Miles, redis.Feet} {
		d, _ := redis.GeoDist("towns", "Palermo", "Catania", unit).Do(ctx, client)
		fmt.Printf("%.0f %s\n", d, unit)
	}
	// Output:
	// 166274 m
	// 166 km
	// 103 mi
	// 545519 ft
}

// What is near a member, in a box, and within corners.
func ExampleGeoArea() {
	around := redis.GeoArea{Member: "Palermo", Radius: 200, Unit: redis.Kilometers}
	box := redis.GeoArea{Center: redis.Point{Longitude: 15, Latitude: 37}, Width: 400, Height: 300, Unit: redis.Miles}
	triangle := redis.GeoArea{Polygon: []redis.Point{ // Valkey 9
		{Longitude: 12, Latitude: 37}, {Longitude: 16, Latitude: 37}, {Longitude: 14, Latitude: 39}}}

	ordered := func(by redis.GeoOrder) redis.GeoOptions { return redis.GeoOptions{Count: 3, Order: by} }
	fmt.Println(redis.Redacted(redis.GeoSearch("towns", around, ordered(redis.Nearest)).Command))
	fmt.Println(redis.GeoSearch("towns", box, ordered(redis.Farthest)).Invalid())
	fmt.Println(redis.GeoSearch("towns", triangle, redis.GeoOptions{Count: 3, Any: true}).Invalid()) // any three: faster
	// Output:
	// GEOSEARCH "towns" "FROMMEMBER" "Palermo" "BYRADIUS" "200" "km" "ASC" "COUNT" (1 more)
	// <nil>
	// <nil>
}

// The members with all that is known of them.
func ExampleGeoHit() {
	near := redis.GeoArea{Member: "Palermo", Radius: 200, Unit: redis.Kilometers}
	list := func(ctx context.Context, client redis.Doer) error {
		hits, err := redis.GeoSearchHits("towns", near, redis.GeoOptions{Order: redis.Nearest}).Do(ctx, client)
		for _, h := range hits {
			fmt.Printf("%s, %.0f km, at %v\n", h.Member, h.Distance, h.Point)
		}
		return err
	}
	_ = list
}

// The result of a search, kept with distances as scores: ZRange pages through it.
func ExampleGeoSearchStore() {
	near := redis.GeoArea{Member: "Palermo", Radius: 200, Unit: redis.Kilometers}
	search := func(ctx context.Context, client redis.Doer) ([]redis.Z, error) {
		if _, err := redis.GeoSearchStore("near:palermo", "towns", near, redis.GeoOptions{}, true).Do(ctx, client); err != nil {
			return nil, err
		}
		return redis.ZRangeWithScores("near:palermo", 0, 9).Do(ctx, client)
	}
	_ = search
}
