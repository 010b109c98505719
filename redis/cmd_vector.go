package redis

import (
	"encoding/binary"
	"math"

	"github.com/kermes-redis/kermes/resp"
)

// Vector sets are a type of Redis 8.0. Valkey has none.

// Quantization is how a vector set keeps the numbers of its vectors.
type Quantization string

// The quantizations. The empty one leaves it to the set: QuantInt8 for a new one.
const (
	QuantInt8 Quantization = "Q8"
	QuantBit  Quantization = "BIN"     // smallest, fastest, least exact
	QuantNone Quantization = "NOQUANT" // 32 bits
)

// VAddOptions are options of [VAdd]. Reduce, Quant and Links must be the same in
// all calls for a set, or zero.
type VAddOptions struct {
	Reduce     int64        // project the vector to so many dimensions; zero does not
	Quant      Quantization // empty leaves it to the set
	EF         int64        // effort to find good neighbors; zero is 200
	Links      int64        // neighbors of an element at most; zero is 16
	Attributes string       // a JSON object for filters; empty sets none
	CAS        bool         // look for neighbors in a thread of the server
}

// VAdd sets the vector of element and reports whether the element is new. Redis
// 8.0.
//
// See https://redis.io/commands/vadd.
func VAdd(key, element string, vector []float32, o VAddOptions) Cmd[bool] {
	w := words{args: append(few(), resp.String(key))}
	w = w.count("REDUCE", o.Reduce)
	w = w.vector(vector)
	w = w.str(element)
	w = w.flag(o.CAS, "CAS")
	w = w.flag(o.Quant != "", string(o.Quant))
	w = w.count("EF", o.EF)
	w = w.opt("SETATTR", o.Attributes)
	w = w.count("M", o.Links)
	return write(Bool, "VADD", w.args...).check(w.bad)
}

// vector appends FP32 and the numbers of v, in the byte order of x86 and ARM.
func (w words) vector(v []float32) words {
	if len(v) == 0 {
		w = w.fail(emptyVector)
	}
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	w.args = append(w.args, resp.String("FP32"), resp.Bytes(b))
	return w
}

// VQuery is what [VSim] looks for: what is like Vector, or like Element if that is
// empty.
type VQuery struct {
	Vector  []float32
	Element string

	Count    int64   // how many at most; zero is 10
	Epsilon  float64 // no farther than this, of 0 to 1; zero is any
	EF       int64   // effort of the search; zero leaves it to the server
	Filter   string  // an expression on attributes: ".year > 1980"; empty is all
	FilterEF int64   // how many elements to try the filter on; zero leaves it to the server
	Exact    bool    // compare with every element
	NoThread bool    // search in the main thread of the server
}

func (q VQuery) words(key string, with ...string) words {
	w := words{args: append(few(), resp.String(key))}
	if len(q.Vector) > 0 {
		w = w.vector(q.Vector)
	} else {
		w = w.str("ELE", q.Element)
	}
	w = w.str(with...)
	w = w.count("COUNT", q.Count)
	if q.Epsilon != 0 {
		w = w.str("EPSILON")
		w = w.float(q.Epsilon)
	}
	w = w.count("EF", q.EF)
	w = w.opt("FILTER", q.Filter)
	w = w.count("FILTER-EF", q.FilterEF)
	w = w.flag(q.Exact, "TRUTH")
	w = w.flag(q.NoThread, "NOTHREAD")
	return w
}

// VSim returns the elements that are most alike, the best first; none if key does
// not exist. Redis 8.0.
//
// See https://redis.io/commands/vsim.
func VSim(key string, q VQuery) Cmd[[]string] {
	w := q.words(key)
	return read(Texts, "VSIM", w.args...).check(w.bad)
}

// VSimWithScores is [VSim] with how alike they are: 1 is the same, 0 the opposite.
//
// See https://redis.io/commands/vsim.
func VSimWithScores(key string, q VQuery) Cmd[[]Z] {
	w := q.words(key, "WITHSCORES")
	return read(zs, "VSIM", w.args...).check(w.bad)
}

// VMatch is an element that [VSimWithAttributes] has found.
type VMatch struct {
	Element    string
	Score      float64
	Attributes Opt[string] // JSON
}

// VSimWithAttributes is [VSimWithScores] with the attributes. Redis 8.2.
//
// See https://redis.io/commands/vsim.
func VSimWithAttributes(key string, q VQuery) Cmd[[]VMatch] {
	w := q.words(key, "WITHSCORES", "WITHATTRIBS")
	return read(vmatches, "VSIM", w.args...).check(w.bad)
}

// vmatches decodes a map of elements to [score, attributes], or an array of all
// three in turn.
func vmatches(v resp.Value) ([]VMatch, error) {
	c, n, err := elems(v)
	if err != nil {
		return nil, err
	}
	out := make([]VMatch, 0, n/2)
	for c.Left() > 0 {
		var m VMatch
		m.Element = next(&c, Text, &err)
		rest := c
		if v.Kind() == resp.KindMap {
			pair, _ := c.Next()
			if rest, err = tuple(pair, 2); err != nil {
				return nil, err
			}
		}
		m.Score = next(&rest, Float, &err)
		m.Attributes = next(&rest, OptOf(Text), &err)
		if err != nil {
			return nil, err
		}
		if v.Kind() != resp.KindMap {
			c = rest
		}
		out = append(out, m)
	}
	return out, nil
}

// VRem removes element and reports whether it was there. Redis 8.0.
//
// See https://redis.io/commands/vrem.
func VRem(key, element string) Cmd[bool] {
	return write(Bool, "VREM", resp.String(key), resp.String(element))
}

// VCard returns the number of elements; 0 if key does not exist. Redis 8.0.
//
// See https://redis.io/commands/vcard.
func VCard(key string) Cmd[int64] { return read(Int, "VCARD", resp.String(key)) }

// VDim returns the number of dimensions. A missing key is an error. Redis 8.0.
//
// See https://redis.io/commands/vdim.
func VDim(key string) Cmd[int64] { return read(Int, "VDIM", resp.String(key)) }

// VIsMember reports whether element is in the set. Redis 8.2.
//
// See https://redis.io/commands/vismember.
func VIsMember(key, element string) Cmd[bool] {
	return read(Bool, "VISMEMBER", resp.String(key), resp.String(element))
}

// VEmb returns the vector of element, as exactly as the set has kept it, or
// [ErrNil]. Redis 8.0.
//
// See https://redis.io/commands/vemb.
func VEmb(key, element string) Cmd[[]float64] {
	return read(Floats, "VEMB", resp.String(key), resp.String(element))
}

// VRaw is a vector as a set keeps it.
type VRaw struct {
	Quant string  // "f32", "int8" or "bin"
	Data  []byte  // the numbers, normalized
	Norm  float64 // of the vector before that
	Range float64 // of int8, what 127 stands for; else 0
}

// VEmbRaw returns the vector of element as the set keeps it, or [ErrNil]. Redis
// 8.0.
//
// See https://redis.io/commands/vemb.
func VEmbRaw(key, element string) Cmd[VRaw] {
	return read(vraw, "VEMB", resp.String(key), resp.String(element), resp.String("RAW"))
}

func vraw(v resp.Value) (r VRaw, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return r, err
	}
	r.Quant = next(&c, Text, &err)
	r.Data = next(&c, Bytes, &err)
	r.Norm = next(&c, Float, &err)
	if v.Len() > 3 {
		r.Range = next(&c, Float, &err)
	}
	return r, err
}

// VGetAttr returns the attributes of element, JSON, or [ErrNil] if it has none.
// Redis 8.0.
//
// See https://redis.io/commands/vgetattr.
func VGetAttr(key, element string) Cmd[string] {
	return read(Text, "VGETATTR", resp.String(key), resp.String(element))
}

// VSetAttr sets the attributes of element, JSON, or removes them if attributes is
// empty. It reports whether the element exists. Redis 8.0.
//
// See https://redis.io/commands/vsetattr.
func VSetAttr(key, element, attributes string) Cmd[bool] {
	return write(Bool, "VSETATTR", resp.String(key), resp.String(element), resp.String(attributes))
}

// VectorInfo describes a vector set.
type VectorInfo struct {
	Quant      string // "f32", "int8" or "bin"
	Dimensions int64
	Size       int64
	MaxLevel   int64 // of the graph
	Links      int64 // neighbors of an element at most
	Projected  int64 // dimensions of vectors before they are reduced; 0 if they are not
	Attributes int64 // how many elements have some
}

// VInfo describes a vector set, or returns [ErrNil]. Redis 8.0.
//
// See https://redis.io/commands/vinfo.
func VInfo(key string) Cmd[VectorInfo] { return read(vectorInfo, "VINFO", resp.String(key)) }

func vectorInfo(v resp.Value) (i VectorInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "quant-type":
			i.Quant, err = Text(v)
		case "vector-dim":
			i.Dimensions, err = Int(v)
		case "size":
			i.Size, err = Int(v)
		case "max-level":
			i.MaxLevel, err = Int(v)
		case "hnsw-m":
			i.Links, err = Int(v)
		case "projection-input-dim":
			i.Projected, err = Int(v)
		case "attributes-count":
			i.Attributes, err = Int(v)
		}
		return err
	})
	return i, err
}

// VLinks returns the neighbors of element on each level of the graph, the lowest
// last, or [ErrNil]. Redis 8.0.
//
// See https://redis.io/commands/vlinks.
func VLinks(key, element string) Cmd[[][]string] {
	return read(ListOf(Texts), "VLINKS", resp.String(key), resp.String(element))
}

// VLinksWithScores is [VLinks] with how alike they are.
//
// See https://redis.io/commands/vlinks.
func VLinksWithScores(key, element string) Cmd[[][]Z] {
	return read(ListOf(zs), "VLINKS", resp.String(key), resp.String(element), resp.String("WITHSCORES"))
}

// VRandMember returns a random element, or [ErrNil]. Redis 8.0.
//
// See https://redis.io/commands/vrandmember.
func VRandMember(key string) Cmd[string] { return read(Text, "VRANDMEMBER", resp.String(key)) }

// VRandMembers returns n different random elements, or -n that may repeat if n is
// negative. Redis 8.0.
//
// See https://redis.io/commands/vrandmember.
func VRandMembers(key string, n int64) Cmd[[]string] {
	return read(Texts, "VRANDMEMBER", resp.String(key), resp.Int(n))
}

// VRange returns up to n elements from start to end in the order of their bytes,
// all if n is 0. See [LexIncl] and [LexExcl] for bounds, [MinLex] and [MaxLex] for
// none. Redis 8.4.
//
// See https://redis.io/commands/vrange.
func VRange(key, start, end string, n int64) Cmd[[]string] {
	w := words{args: few()}
	w = w.str(key, start, end)
	if n < 0 {
		w = w.fail(negative)
	}
	if n > 0 {
		w = w.int(n)
	}
	return read(Texts, "VRANGE", w.args...).check(w.bad)
}
