package resp_test

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/kermes-redis/kermes/resp"
)

// gen makes random well-formed replies and their rendering.
type gen struct {
	*rand.Rand
	attrs int // attributes that the reply may still have
}

func newGen(seed uint64) *gen { return &gen{Rand: rand.New(rand.NewPCG(seed, 1))} }

// reply appends a reply and its rendering.
func (g *gen) reply(dst []byte) ([]byte, string) {
	g.attrs = resp.DefaultMaxAttrs
	return g.value(dst, 4)
}

func (g *gen) value(dst []byte, depth int) ([]byte, string) {
	attr := ""
	if g.attrs > 0 && g.IntN(10) == 0 {
		g.attrs--
		n := g.IntN(3)
		dst = resp.AppendAttribute(dst, n)
		dst, attr = g.pairs(dst, n, depth-1)
		attr = "attr{" + attr + "} "
	}
	kinds := 13
	if depth > 0 {
		kinds = 18
	}
	dst, text := g.bare(dst, g.IntN(kinds), depth)
	return dst, attr + text
}

func (g *gen) bare(dst []byte, kind, depth int) ([]byte, string) {
	switch kind {
	case 0:
		s := g.line()
		return resp.AppendText(dst, s), "simple " + strconv.Quote(s)
	case 1:
		s := g.line()
		return resp.AppendError(dst, "ERR "+s), "err ERR " + strconv.Quote(s)
	case 2:
		n := g.Int64() >> g.IntN(64)
		return resp.AppendInt(dst, -n), "int " + strconv.FormatInt(-n, 10)
	case 3:
		return resp.AppendNull(dst), "nil"
	case 4:
		return resp.AppendNullBulk(dst), "nil"
	case 5:
		return resp.AppendNullArray(dst), "nil"
	case 6:
		return resp.AppendBool(dst, true), "true"
	case 7:
		return resp.AppendBool(dst, false), "false"
	case 8:
		f := math.Float64frombits(g.Uint64())
		return resp.AppendDouble(dst, f), "double " + strconv.FormatFloat(f, 'g', -1, 64)
	case 9:
		n := strconv.FormatUint(g.Uint64(), 10) + strconv.FormatUint(g.Uint64(), 10)
		return resp.AppendBig(dst, n), "big " + n
	case 10:
		s := g.bytes()
		return resp.AppendVerbatim(dst, "mkd", s), "verbatim mkd " + strconv.Quote(s)
	case 11:
		return g.streamedString(dst)
	case 12:
		s := g.bytes()
		return resp.AppendBulk(dst, s), "bulk " + strconv.Quote(s)
	case 13:
		n := g.IntN(4)
		dst, text := g.pairs(resp.AppendMap(dst, n), n, depth-1)
		return dst, "{" + text + "}"
	case 14:
		n := g.IntN(3)
		dst, text := g.pairs(append(dst, "%?\r\n"...), n, depth-1)
		return append(dst, ".\r\n"...), "{" + text + "}"
	case 15:
		n := g.IntN(5)
		dst, text := g.elems(append(dst, "*?\r\n"...), n, depth-1)
		return append(dst, ".\r\n"...), text
	case 16:
		n := 1 + g.IntN(5)
		dst, text := g.elems(resp.AppendPush(dst, n), n, depth-1)
		return dst, ">" + text
	}
	n := g.IntN(5)
	return g.elems(resp.AppendArray(dst, n), n, depth-1)
}

func (g *gen) pairs(dst []byte, n, depth int) ([]byte, string) {
	all := ""
	for i := range n {
		var k, v string
		dst, k = g.value(dst, depth)
		dst, v = g.value(dst, depth)
		if i > 0 {
			all += ", "
		}
		all += k + ": " + v
	}
	return dst, all
}

func (g *gen) elems(dst []byte, n, depth int) ([]byte, string) {
	all := "["
	for i := range n {
		var e string
		dst, e = g.value(dst, depth)
		if i > 0 {
			all += " "
		}
		all += e
	}
	return dst, all + "]"
}

func (g *gen) streamedString(dst []byte) ([]byte, string) {
	dst = append(dst, "$?\r\n"...)
	all := ""
	for range g.IntN(4) {
		s := g.bytes() + "x"
		all += s
		chunk := resp.AppendBulk(nil, s)
		chunk[0] = ';'
		dst = append(dst, chunk...)
	}
	return append(dst, ";0\r\n"...), "bulk " + strconv.Quote(all)
}

// line returns bytes without CR and LF, bytes any, sometimes many.
func (g *gen) line() string {
	b := []byte(g.bytes())
	for i, c := range b {
		if c == '\r' || c == '\n' {
			b[i] = ' '
		}
	}
	return string(b)
}

func (g *gen) bytes() string {
	n := g.IntN(12)
	if g.IntN(20) == 0 {
		n = g.IntN(6000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = "\r\n$*ab\x00\xff"[g.IntN(8)]
	}
	return string(b)
}
