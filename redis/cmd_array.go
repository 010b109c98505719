package redis

import "github.com/kermes-redis/kermes/resp"

// Arrays are a type of Redis 8.8, in preview there: sparse, with indexes up to
// 2^64-2. A range may be given backwards.

// ARSet sets the elements from index on and returns how many were empty. Redis
// 8.8.
//
// See https://redis.io/commands/arset.
func ARSet[V Blob](key string, index uint64, values ...V) Cmd[int64] {
	return write(Int, "ARSET", blobs(append(few(), resp.String(key), resp.Uint(index)), values)...).check(some(len(values), noValues))
}

// ARItem is an element of an array.
type ARItem struct {
	Index uint64
	Value string
}

// ARMSet sets elements and returns how many were empty. Redis 8.8.
//
// See https://redis.io/commands/armset.
func ARMSet(key string, items ...ARItem) Cmd[int64] {
	a := append(few(), resp.String(key))
	for _, i := range items {
		a = append(a, resp.Uint(i.Index), resp.String(i.Value))
	}
	return write(Int, "ARMSET", a...).check(some(len(items), noItems))
}

// ARGet returns the element at index, or [ErrNil]. Redis 8.8.
//
// See https://redis.io/commands/arget.
func ARGet(key string, index uint64) Cmd[string] {
	return read(Text, "ARGET", resp.String(key), resp.Uint(index))
}

// ARMGet returns the elements at indexes in their order. Redis 8.8.
//
// See https://redis.io/commands/armget.
func ARMGet(key string, indexes ...uint64) Cmd[[]Opt[string]] {
	return read(OptTexts, "ARMGET", indexWords(key, indexes)...).check(some(len(indexes), noIndexes))
}

func indexWords(key string, indexes []uint64) []resp.Arg {
	a := append(few(), resp.String(key))
	for _, i := range indexes {
		a = append(a, resp.Uint(i))
	}
	return a
}

// ARGetRange returns the elements start to end, both inclusive, empty ones too. A
// million is the most. Redis 8.8.
//
// See https://redis.io/commands/argetrange.
func ARGetRange(key string, start, end uint64) Cmd[[]Opt[string]] {
	return read(OptTexts, "ARGETRANGE", resp.String(key), resp.Uint(start), resp.Uint(end))
}

// ARScan returns up to n elements from start to end, both inclusive, without empty
// ones, all if n is 0. Redis 8.8.
//
// See https://redis.io/commands/arscan.
func ARScan(key string, start, end uint64, n int64) Cmd[[]ARItem] {
	w := words{args: append(few(), resp.String(key), resp.Uint(start), resp.Uint(end))}
	w = w.count("LIMIT", n)
	return read(arItems, "ARSCAN", w.args...).check(w.bad)
}

func arItems(v resp.Value) ([]ARItem, error) {
	p, n, err := pairsOf(v)
	if err != nil {
		return nil, err
	}
	a := arena{left: len(v)}
	out := make([]ARItem, 0, n)
	for p.next() {
		i, err := cursor(p.key)
		if err != nil {
			return nil, err
		}
		value, err := view(p.value)
		if err != nil {
			return nil, err
		}
		out = append(out, ARItem{i, a.add(value)})
	}
	return out, p.err
}

// ARPattern is what an element must be like for [ARGrep].
type ARPattern struct{ verb, text string }

// ARExact is the pattern that is text itself.
func ARExact(text string) ARPattern { return ARPattern{"EXACT", text} }

// ARContains is the pattern that has text in it.
func ARContains(text string) ARPattern { return ARPattern{"MATCH", text} }

// ARGlob is a glob pattern, as [Keys] takes it.
func ARGlob(pattern string) ARPattern { return ARPattern{"GLOB", pattern} }

// ARRegexp is a regular expression.
func ARRegexp(expr string) ARPattern { return ARPattern{"RE", expr} }

// ARGrepOptions are options of [ARGrep]. The zero value searches all of the array.
type ARGrepOptions struct {
	Start, End Opt[uint64] // both inclusive; missing are the first and the last element
	All        bool        // all patterns must fit; not set, any
	IgnoreCase bool
	Limit      int64 // how many at most; zero is all
}

func arGrep(key string, o ARGrepOptions, patterns []ARPattern) words {
	w := words{args: append(few(), resp.String(key), bound(o.Start, MinLex), bound(o.End, MaxLex))}
	if len(patterns) == 0 {
		w = w.fail(emptyFilter)
	}
	for _, p := range patterns {
		w = w.str(p.verb, p.text)
	}
	w = w.flag(o.All, "AND")
	w = w.count("LIMIT", o.Limit)
	w = w.flag(o.IgnoreCase, "NOCASE")
	return w
}

func bound(index Opt[uint64], none string) resp.Arg {
	if index.OK {
		return resp.Uint(index.Value)
	}
	return resp.String(none)
}

// ARGrep returns the indexes of the elements that fit the patterns. Redis 8.8.
//
// See https://redis.io/commands/argrep.
func ARGrep(key string, o ARGrepOptions, patterns ...ARPattern) Cmd[[]uint64] {
	w := arGrep(key, o, patterns)
	return read(ListOf(cursor), "ARGREP", w.args...).check(w.bad)
}

// ARGrepItems is [ARGrep] with the elements themselves.
//
// See https://redis.io/commands/argrep.
func ARGrepItems(key string, o ARGrepOptions, patterns ...ARPattern) Cmd[[]ARItem] {
	w := arGrep(key, o, patterns)
	w = w.str("WITHVALUES")
	return read(arItems, "ARGREP", w.args...).check(w.bad)
}

// ARAggregate returns the [Sum], [Minimum] or [Maximum] of the numbers from start to
// end, or [ErrNil] if there are none. Redis 8.8.
//
// See https://redis.io/commands/arop.
func ARAggregate(key string, start, end uint64, a Aggregate) Cmd[float64] {
	return read(Float, "AROP", resp.String(key), resp.Uint(start), resp.Uint(end), resp.String(string(a)))
}

// ARBitOp returns the [BitAnd], [BitOr] or [BitXor] of the integers from start to
// end, or [ErrNil] if there are none. Redis 8.8.
//
// See https://redis.io/commands/arop.
func ARBitOp(key string, start, end uint64, op BitOperation) Cmd[int64] {
	return read(Int, "AROP", resp.String(key), resp.Uint(start), resp.Uint(end), resp.String(string(op)))
}

// ARUsed returns how many elements from start to end are not empty. Redis 8.8.
//
// See https://redis.io/commands/arop.
func ARUsed(key string, start, end uint64) Cmd[uint64] {
	return read(cursor, "AROP", resp.String(key), resp.Uint(start), resp.Uint(end), resp.String("USED"))
}

// ARCountEqual returns how many elements from start to end are value. Redis 8.8.
//
// See https://redis.io/commands/arop.
func ARCountEqual[V Blob](key string, start, end uint64, value V) Cmd[uint64] {
	return read(cursor, "AROP", resp.String(key), resp.Uint(start), resp.Uint(end), resp.String("MATCH"), blob(value))
}

// ARLen returns the highest index that is used, plus one; 0 if key does not exist.
// Redis 8.8.
//
// See https://redis.io/commands/arlen.
func ARLen(key string) Cmd[uint64] { return read(cursor, "ARLEN", resp.String(key)) }

// ARCount returns how many elements are not empty. Redis 8.8.
//
// See https://redis.io/commands/arcount.
func ARCount(key string) Cmd[uint64] { return read(cursor, "ARCOUNT", resp.String(key)) }

// ARDel empties elements and returns how many there were. Redis 8.8.
//
// See https://redis.io/commands/ardel.
func ARDel(key string, indexes ...uint64) Cmd[int64] {
	return write(Int, "ARDEL", indexWords(key, indexes)...).check(some(len(indexes), noIndexes))
}

// ARRange is a range of indexes, both inclusive.
type ARRange struct{ Start, End uint64 }

// ARDelRange empties ranges and returns how many elements there were. Redis 8.8.
//
// See https://redis.io/commands/ardelrange.
func ARDelRange(key string, ranges ...ARRange) Cmd[uint64] {
	a := append(few(), resp.String(key))
	for _, r := range ranges {
		a = append(a, resp.Uint(r.Start), resp.Uint(r.End))
	}
	return write(cursor, "ARDELRANGE", a...).check(some(len(ranges), noRanges))
}

// ARInsert sets the elements after the one that was inserted last and returns the
// index of the last one. Redis 8.8.
//
// See https://redis.io/commands/arinsert.
func ARInsert[V Blob](key string, values ...V) Cmd[uint64] {
	return write(cursor, "ARINSERT", blobs(append(few(), resp.String(key)), values)...).check(some(len(values), noValues))
}

// ARRing is [ARInsert] that begins again at 0 after size elements, and returns the
// index of the last one. Redis 8.8.
//
// See https://redis.io/commands/arring.
func ARRing[V Blob](key string, size int64, values ...V) Cmd[uint64] {
	return write(cursor, "ARRING", blobs(append(few(), resp.String(key), resp.Int(size)), values)...).check(some(len(values), noValues))
}

// ARNext returns the index at which [ARInsert] will go on, or [ErrNil] if there is
// no room. Redis 8.8.
//
// See https://redis.io/commands/arnext.
func ARNext(key string) Cmd[uint64] { return read(cursor, "ARNEXT", resp.String(key)) }

// ARSeek lets [ARInsert] go on at index and reports whether key exists. Redis 8.8.
//
// See https://redis.io/commands/arseek.
func ARSeek(key string, index uint64) Cmd[bool] {
	return write(Bool, "ARSEEK", resp.String(key), resp.Uint(index))
}

// ARLastItems returns the n elements that were inserted last, the latest first if
// rev is set. Redis 8.8.
//
// See https://redis.io/commands/arlastitems.
func ARLastItems(key string, n int64, rev bool) Cmd[[]Opt[string]] {
	w := words{args: append(few(), resp.String(key), resp.Int(n))}
	w = w.flag(rev, "REV")
	return read(OptTexts, "ARLASTITEMS", w.args...).check(notNegative(n))
}

// ArrayInfo describes an array.
type ArrayInfo struct {
	Count         uint64 // elements that are not empty
	Len           uint64 // see [ARLen]
	NextInsert    uint64 // see [ARNext]
	Slices        int64  // pieces in memory
	SliceSize     int64  // elements of one
	DirectorySize int64
	SuperEntries  int64

	// Of a full description.
	DenseSlices, SparseSlices        int64
	DenseFill, DenseSize, SparseSize float64 // means
}

// ARInfo describes an array; with full it looks at each piece. A missing key is an
// error. Redis 8.8.
//
// See https://redis.io/commands/arinfo.
func ARInfo(key string, full bool) Cmd[ArrayInfo] {
	w := words{args: append(few(), resp.String(key))}
	w = w.flag(full, "FULL")
	return read(arrayInfo, "ARINFO", w.args...)
}

func arrayInfo(v resp.Value) (i ArrayInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "count":
			i.Count, err = cursor(v)
		case "len":
			i.Len, err = cursor(v)
		case "next-insert-index":
			i.NextInsert, err = cursor(v)
		case "slices":
			i.Slices, err = Int(v)
		case "slice-size":
			i.SliceSize, err = Int(v)
		case "directory-size":
			i.DirectorySize, err = Int(v)
		case "super-dir-entries":
			i.SuperEntries, err = Int(v)
		case "dense-slices":
			i.DenseSlices, err = Int(v)
		case "sparse-slices":
			i.SparseSlices, err = Int(v)
		case "avg-dense-fill":
			i.DenseFill, err = Float(v)
		case "avg-dense-size":
			i.DenseSize, err = Float(v)
		case "avg-sparse-size":
			i.SparseSize, err = Float(v)
		}
		return err
	})
	return i, err
}
