package redis

import (
	"github.com/kermes-redis/kermes/resp"
)

// Point is a place on earth in degrees.
type Point struct{ Longitude, Latitude float64 }

// Place is a named point.
type Place struct {
	Member string
	Point
}

// Unit is a unit of length.
type Unit string

// The units of length.
const (
	Meters     Unit = "m"
	Kilometers Unit = "km"
	Miles      Unit = "mi"
	Feet       Unit = "ft"
)

// GeoAdd adds places and returns how many are new.
//
// See https://redis.io/commands/geoadd.
func GeoAdd(key string, places ...Place) Cmd[int64] {
	return GeoAddWith(key, GeoAddOptions{}, places...)
}

// GeoAddOptions are options of [GeoAddWith]. The zero value adds and moves.
type GeoAddOptions struct {
	If      Condition // IfAbsent adds only, IfPresent moves only
	Changed bool      // count moved places too
}

// GeoAddWith is [GeoAdd] with options.
//
// See https://redis.io/commands/geoadd.
func GeoAddWith(key string, o GeoAddOptions, places ...Place) Cmd[int64] {
	w := words{args: few()}
	w = w.str(key)
	w = o.If.add(w)
	w = w.flag(o.Changed, "CH")
	for _, p := range places {
		w = w.float(p.Longitude)
		w = w.float(p.Latitude)
		w = w.str(p.Member)
	}
	return write(Int, "GEOADD", w.args...).check(w.bad).check(some(len(places), noPlaces))
}

// GeoDist returns the distance of two members in unit u, meters if it is empty, or
// [ErrNil] if one is missing.
//
// See https://redis.io/commands/geodist.
func GeoDist(key, a, b string, u Unit) Cmd[float64] {
	if u == "" {
		u = Meters
	}
	return read(Float, "GEODIST", resp.String(key), resp.String(a), resp.String(b), resp.String(string(u)))
}

// GeoHash returns the geohashes of members in their order.
//
// See https://redis.io/commands/geohash.
func GeoHash(key string, members ...string) Cmd[[]Opt[string]] {
	return read(OptTexts, "GEOHASH", strs(key, members)...).check(some(len(members), noMembers))
}

// GeoPos returns the points of members in their order.
//
// See https://redis.io/commands/geopos.
func GeoPos(key string, members ...string) Cmd[[]Opt[Point]] {
	return read(optPoints, "GEOPOS", strs(key, members)...).check(some(len(members), noMembers))
}

func optPoints(v resp.Value) ([]Opt[Point], error) { return list(v, OptOf(point)) }

func point(v resp.Value) (p Point, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Longitude = next(&c, Float, &err)
	p.Latitude = next(&c, Float, &err)
	return p, err
}

// GeoArea is what [GeoSearch] searches: around Member, or around Center if that
// is empty; within Radius, or in a box of Width and Height if that is 0. With a
// Polygon it is that, and nothing else. One without a size is an [ArgError]: nothing
// but a member itself would be in it.
type GeoArea struct {
	Member        string
	Center        Point
	Radius        float64
	Width, Height float64
	Unit          Unit    // empty is Meters
	Polygon       []Point // its corners, at least three. Valkey 9
}

// GeoOptions are options of [GeoSearch] and [GeoSearchStore]. The zero value is
// all members, in no order.
type GeoOptions struct {
	Count int64    // how many at most, the nearest; zero is all
	Any   bool     // any Count members, not the nearest: faster
	Order GeoOrder // empty is none
}

// GeoOrder is the order of found members.
type GeoOrder string

// The orders of found members.
const (
	Nearest  GeoOrder = "ASC"
	Farthest GeoOrder = "DESC"
)

func (w words) geo(a GeoArea, o GeoOptions) words {
	w = w.area(a)
	w = w.flag(o.Order != "", string(o.Order))
	w = w.count("COUNT", o.Count)
	w = w.flag(o.Any, "ANY")
	return w
}

func (w words) area(a GeoArea) words {
	if len(a.Polygon) > 0 {
		w = w.str("BYPOLYGON")
		w = w.int(int64(len(a.Polygon)))
		for _, p := range a.Polygon {
			w = w.float(p.Longitude)
			w = w.float(p.Latitude)
		}
		return w
	}
	if a.Member != "" {
		w = w.str("FROMMEMBER", a.Member)
	} else {
		w = w.str("FROMLONLAT")
		w = w.float(a.Center.Longitude)
		w = w.float(a.Center.Latitude)
	}
	if a.Unit == "" {
		a.Unit = Meters
	}
	if a.Radius != 0 {
		w = w.str("BYRADIUS")
		w = w.float(a.Radius)
	} else {
		if a.Width == 0 || a.Height == 0 {
			w = w.fail(noSize)
		}
		w = w.str("BYBOX")
		w = w.float(a.Width)
		w = w.float(a.Height)
	}
	w = w.str(string(a.Unit))
	return w
}

// GeoSearch returns the members in an area. See [GeoSearchHits] for more of them.
//
// See https://redis.io/commands/geosearch.
func GeoSearch(key string, a GeoArea, o GeoOptions) Cmd[[]string] {
	w := words{args: few()}
	w = w.str(key)
	w = w.geo(a, o)
	return read(Texts, "GEOSEARCH", w.args...).check(w.bad)
}

// GeoHit is a member found in an area.
type GeoHit struct {
	Member   string
	Distance float64 // from the center, in the unit of the search
	Hash     int64   // the sorted set's score
	Point    Point
}

// GeoSearchHits is [GeoSearch] with distance, hash and point of the members.
//
// See https://redis.io/commands/geosearch.
func GeoSearchHits(key string, a GeoArea, o GeoOptions) Cmd[[]GeoHit] {
	w := words{args: few()}
	w = w.str(key)
	w = w.geo(a, o)
	w = w.str("WITHCOORD", "WITHDIST", "WITHHASH")
	return read(geoHits, "GEOSEARCH", w.args...).check(w.bad)
}

func geoHits(v resp.Value) ([]GeoHit, error) {
	a := arena{left: len(v)}
	return list(v, func(v resp.Value) (GeoHit, error) { return geoHit(v, &a) })
}

func geoHit(v resp.Value, a *arena) (h GeoHit, err error) {
	c, err := tuple(v, 4)
	if err != nil {
		return h, err
	}
	member, _ := c.Next()
	p, err := view(member)
	if err != nil {
		return h, err
	}
	h.Member = a.add(p)
	h.Distance = next(&c, Float, &err)
	h.Hash = next(&c, Int, &err)
	h.Point = next(&c, point, &err)
	return h, err
}

// GeoSearchStore stores the members in an area at to and returns their number;
// with their distances as scores if distances is set.
//
// See https://redis.io/commands/geosearchstore.
func GeoSearchStore(to, key string, a GeoArea, o GeoOptions, distances bool) Cmd[int64] {
	w := words{args: few()}
	w = w.str(to, key)
	w = w.geo(a, o)
	w = w.flag(distances, "STOREDIST")
	return write(Int, "GEOSEARCHSTORE", w.args...).check(w.bad)
}
