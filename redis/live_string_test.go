package redis

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

func TestStringCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		fails(t, c, Get("k"), ErrNil)
		want(t, c, Optional(Get("k")), Opt[string]{})
		ok(t, c, Set("k", "v"))
		want(t, c, Get("k"), "v")
		want(t, c, GetBytes("k"), []byte("v"))
		want(t, c, Optional(Get("k")), Some("v"))
		b, err := GetInto("k", []byte("> ")).Do(t.Context(), c)
		check(t, "GetInto appends", string(b) == "> v" && err == nil)

		want(t, c, SetNX("k", "w"), false)
		want(t, c, SetNX("fresh", 7), true)
		ok(t, c, SetEx("fresh", 8, time.Hour))
		want(t, c, As(Get("fresh"), Int), 8)
		check(t, "SetEx sets an hour", get(t, c, TTL("fresh")) > 59*time.Minute)
		want(t, c, SetWith("k", "w", SetOptions{If: IfAbsent}), false)
		want(t, c, SetWith("k", "w", SetOptions{If: IfPresent, TTL: time.Hour}), true)
		ttl := get(t, c, TTL("k"))
		check(t, "a TTL of an hour", ttl > 59*time.Minute && ttl <= time.Hour)
		want(t, c, SetWith("k", "w", SetOptions{KeepTTL: true}), true)
		want(t, c, SetGet("k", "x", SetOptions{}), "w")
		want(t, c, TTL("k"), NoExpiry)
		fails(t, c, SetGet("new", "x", SetOptions{}), ErrNil)
		want(t, c, SetWith("k", "x", SetOptions{At: later}), true)
		want(t, c, ExpireTime("k"), later)
		want(t, c, GetEx("k", ExpireOptions{Persist: true}), "x")
		want(t, c, ExpireTime("k"), time.Time{})
		want(t, c, GetDel("k"), "x")
		fails(t, c, GetDel("k"), ErrNil)

		ok(t, c, MSetMap(map[string]float64{"pi": 3.25, "e": 1e-9}))
		want(t, c, As(MGet("pi", "e"), Floats), []float64{3.25, 1e-9})
		want(t, c, IncrByFloat("pi", 1), 4.25)
		ok(t, c, Set("large", uint64(math.MaxUint64)))
		want(t, c, As(Get("large"), Uint), uint64(math.MaxUint64))

		want(t, c, Append("s", "hello"), 5)
		want(t, c, Append("s", []byte(" world")), 11)
		want(t, c, GetRange("s", -5, -1), "world")
		want(t, c, SetRange("s", 6, "Redis"), 11)
		want(t, c, StrLen("s"), 11)
		refused(t, c, SetRange("s", -1, "x"), "out of range")

		want(t, c, Incr("n"), 1)
		want(t, c, IncrBy("n", 9), 10)
		want(t, c, Decr("n"), 9)
		want(t, c, DecrBy("n", 4), 5)
		want(t, c, IncrByFloat("n", 0.5), 5.5)
		refused(t, c, Incr("s"), "not an integer")
		refused(t, c, IncrByFloat("s", 1), "not a valid float")

		ok(t, c, MSet("a", "1", "b", "2"))
		want(t, c, MGet("a", "none", "b"), []Opt[string]{Some("1"), {}, Some("2")})
		want(t, c, MSetNX("b", "3", "d", "4"), false)
		want(t, c, MSetNX("d", "4"), true)
		want(t, c, As(Get("d"), Int), 4)

		ok(t, c, MSet("x", "ohmytext", "y", "mynewtext"))
		want(t, c, LCS("x", "y"), "mytext")
		want(t, c, LCSLen("x", "y"), 6)
		want(t, c, LCSIdx("x", "y", 4), Common{Matches: []Match{{A: Span{4, 7}, B: Span{5, 8}, Len: 4}}, Len: 6})
		want(t, c, SetAs(rawCodec{}, "c", "coded", SetOptions{}), true)
		want(t, c, GetAs[string](rawCodec{}, "c"), "coded")
	})
}

func TestKeyCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		ok(t, c, MSet("a", "1", "b", "2", "c", "3"))
		want(t, c, Exists("a", "a", "none"), 2)
		want(t, c, Touch("a", "none"), 1)
		want(t, c, Type("a"), "string")
		want(t, c, Type("none"), "none")
		want(t, c, Del("a", "none"), 1)
		want(t, c, Unlink("b"), 1)
		want(t, c, Keys("*"), []string{"c"})
		want(t, c, RandomKey(), "c")
		want(t, c, DBSize(), 1)

		fails(t, c, TTL("none"), ErrNil)
		fails(t, c, ExpireTime("none"), ErrNil)
		want(t, c, Expire("none", time.Hour), false)
		want(t, c, Expire("c", time.Hour), true)
		want(t, c, ExpireWith("c", time.Minute, IfLater), false)
		want(t, c, ExpireWith("c", 2*time.Hour, IfLater), true)
		want(t, c, ExpireAt("c", later), true)
		want(t, c, ExpireAtWith("c", later, IfNoTTL), false)
		want(t, c, ExpireTime("c"), later)
		want(t, c, Persist("c"), true)
		want(t, c, Persist("c"), false)
		want(t, c, TTL("c"), NoExpiry)

		ok(t, c, Rename("c", "d"))
		refused(t, c, Rename("c", "d").Cmd(), "no such key")
		ok(t, c, Set("e", "5"))
		want(t, c, RenameNX("d", "e"), false)
		want(t, c, RenameNX("d", "f"), true)
		want(t, c, Copy("f", "e", CopyOptions{}), false)
		want(t, c, Copy("f", "e", CopyOptions{Replace: true}), true)
		want(t, c, Copy("f", "e", CopyOptions{DB: Some[int64](3)}), true)
		want(t, c, Move("e", 3), false)
		want(t, c, Move("f", 3), true)
		ok(t, c, SwapDB(0, 3))
		want(t, c, Get("f"), "3")

		dump := get(t, c, Dump("f"))
		fails(t, c, Dump("none"), ErrNil)
		fails(t, c, Restore("f", dump, RestoreOptions{}).Cmd(), ErrBusyKey)
		ok(t, c, Restore("f", dump, RestoreOptions{Replace: true, TTL: time.Hour, IdleTime: time.Minute}))
		ok(t, c, Restore("g", dump, RestoreOptions{At: later}))
		want(t, c, ExpireTime("g"), later)
		refused(t, c, Restore("h", []byte("junk"), RestoreOptions{}).Cmd(), "DUMP payload version or checksum")
		want(t, c, ObjectEncoding("f"), "int")
		fails(t, c, ObjectEncoding("none"), ErrNil)
		check(t, "one reference", get(t, c, ObjectRefCount("g")) >= 1)
		check(t, "not idle", get(t, c, ObjectIdleTime("g")) < time.Hour)
		refused(t, c, ObjectFreq("g"), "LFU")
		check(t, "memory", get(t, c, MemoryUsage("f", 0)) > 0)
		fails(t, c, MemoryUsage("none", -1), ErrNil)
		want(t, c, Wait(0, time.Second), 0)
		want(t, c, Wait(1, time.Millisecond), 0)
		want(t, c, Migrate("127.0.0.1", 1, MigrateOptions{}, "none"), false)
	})
}

func TestSortOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		get(t, c, RPush("l", "3", "1", "2"))
		ok(t, c, MSet("w_1", "30", "w_2", "20", "w_3", "10", "o_1", "one"))
		want(t, c, Sort("l", SortOptions{}), []Opt[string]{Some("1"), Some("2"), Some("3")})
		want(t, c, SortRO("l", SortOptions{Desc: true, Count: 2}), []Opt[string]{Some("3"), Some("2")})
		want(t, c, Sort("l", SortOptions{By: "w_*", Get: []string{"#", "o_*"}, Offset: 1}),
			[]Opt[string]{Some("2"), {}, Some("1"), Some("one")})
		want(t, c, SortStore("to", "l", SortOptions{Alpha: true}), 3)
		want(t, c, LRange("to", 0, -1), []string{"1", "2", "3"})
		get(t, c, RPush("words", "b", "a"))
		refused(t, c, Sort("words", SortOptions{}), "can't be converted into double")
	})
}

func TestBitmapsAndHyperLogLogsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, SetBit("b", 7, true), false)
		want(t, c, SetBit("b", 7, true), true)
		want(t, c, GetBit("b", 7), true)
		want(t, c, GetBit("b", 100), false)
		ok(t, c, Set("m", "foobar"))
		want(t, c, BitCount("m", BitRange{}), 26)
		want(t, c, BitCount("m", BitRange{Start: 1, End: Some[int64](1)}), 6)
		want(t, c, BitCount("m", BitRange{Start: 5, End: Some[int64](30), Bits: true}), 17)
		want(t, c, BitPos("b", true, BitRange{}), 7)
		want(t, c, BitPos("m", false, BitRange{Start: 2}), 16)
		want(t, c, BitPos("b", false, BitRange{Start: 7, End: Some[int64](7), Bits: true}), -1)
		want(t, c, BitOp(BitOr, "to", "b", "m"), 6)
		want(t, c, BitOp(BitNot, "to", "b"), 1)
		refused(t, c, BitOp(BitNot, "to", "b", "m"), "single source key")
		want(t, c, BitField("f", BitSet("u8", 0, 200), BitGet("u8", 0), BitIncr("u8", 0, 100, Refuse), BitIncr("u8", 0, 100, Saturate), BitIncr("u4", 2, 3, WrapAround).Nth()),
			[]Opt[int64]{Some[int64](0), Some[int64](200), {}, Some[int64](255), Some[int64](3)})
		want(t, c, BitFieldRO("f", BitGet("u8", 0), BitGet("u4", 2).Nth()), []int64{255, 3})
		refused(t, c, BitField("f", BitGet("u99", 0)), "Invalid bitfield type")

		want(t, c, PFAdd("h", "a", "b"), true)
		want(t, c, PFAdd("h", "a"), false)
		get(t, c, PFAdd("h2", "c"))
		want(t, c, PFCount("h", "h2"), 3)
		ok(t, c, PFMerge("h3", "h", "h2"))
		want(t, c, PFCount("h3"), 3)
	})
}

func TestGeoCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		palermo, catania := Place{"Palermo", Point{13.361389, 38.115556}}, Place{"Catania", Point{15.087269, 37.502669}}
		want(t, c, GeoAdd("g", palermo, catania), 2)
		want(t, c, GeoAddWith("g", GeoAddOptions{If: IfAbsent, Changed: true}, palermo), 0)
		refused(t, c, GeoAdd("g", Place{"x", Point{200, 0}}), "invalid longitude")
		km := get(t, c, GeoDist("g", "Palermo", "Catania", Kilometers))
		check(t, "166 km", km > 166 && km < 167)
		fails(t, c, GeoDist("g", "Palermo", "none", Meters), ErrNil)
		want(t, c, GeoHash("g", "Palermo", "none"), []Opt[string]{Some("sqc8b49rny0"), {}})
		pos := get(t, c, GeoPos("g", "Palermo", "none"))
		check(t, "a point and none", len(pos) == 2 && pos[0].OK && !pos[1].OK && int(pos[0].Value.Longitude) == 13)

		around := GeoArea{Center: Point{15, 37}, Radius: 200, Unit: Kilometers}
		want(t, c, GeoSearch("g", around, GeoOptions{Order: Nearest}), []string{"Catania", "Palermo"})
		want(t, c, GeoSearch("g", GeoArea{Member: "Palermo", Width: 400, Height: 400, Unit: Kilometers}, GeoOptions{Order: Farthest, Count: 1}), []string{"Catania"})
		hits := get(t, c, GeoSearchHits("g", around, GeoOptions{Order: Nearest}))
		check(t, "two hits with distance, hash and point", len(hits) == 2 && hits[0].Member == "Catania" &&
			int(hits[0].Distance) == 56 && hits[0].Hash == 3479447370796909 && int(hits[0].Point.Latitude) == 37)
		want(t, c, GeoSearch("g", GeoArea{Center: Point{0, 0}, Radius: 1}, GeoOptions{}), []string{})
		want(t, c, GeoSearchStore("to", "g", around, GeoOptions{}, true), 2)
		check(t, "distances as scores", int(get(t, c, ZScore("to", "Catania"))) == 56)
		missing := "could not decode requested zset member"
		if since(t, c, "", "9.1") {
			missing = "does not exist"
		}
		refused(t, c, GeoSearch("g", GeoArea{Member: "none", Radius: 1}, GeoOptions{}), missing)
	})
}

func TestLargeAndBinaryValuesComeBackUnchanged(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		for _, v := range []string{"", "\x00\r\n\xff", strings.Repeat("0123456789", 1<<20)} {
			ok(t, c, Set("k"+v[:min(len(v), 20)], v))
			if got := get(t, c, Get("k"+v[:min(len(v), 20)])); got != v {
				t.Errorf("%d bytes came back as %d", len(v), len(got))
			}
		}
	})
}
