package resp

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Batch is commands that are sent together, in encoded form: it takes the room of
// their bytes, and that is borrowed. The zero Batch is empty and ready. It must not be
// copied after first use, nor changed while somebody sends it.
//
// A command of more than 32 KiB is not copied: the bytes that it was made of must not
// change before the batch has been sent.
type Batch struct {
	first, last *batchPart
	lent        []Command // instead of parts; see BatchOf
	n           uint32
	before      uint32 // commands that Place counts before the first; see Follow
}

// BatchOf returns a batch of commands that are encoded only when they are sent. cmds
// is not copied. Nothing can be added.
func BatchOf(cmds []Command) Batch { return Batch{lent: cmds, n: uint32(len(cmds))} }

const (
	// partBytes and partCommands are at which size a part is full. A part is sent in
	// one piece, and its replies are gathered before they are given out.
	partBytes    = 32 << 10
	partCommands = 512
	// firstBytes is the room that a part begins with.
	firstBytes = 1 << 10
)

// batchPart is a run of commands of a batch.
type batchPart struct {
	next  *batchPart
	buf   []byte // encoded commands
	marks []mark // one for each command
	whole []Command
	large int // bytes of whole, encoded
	sum   sum
}

// sum is what the marks of a part say together.
type sum struct {
	some, all Flags // that at least one of them has, that each has
	kinds     kinds // that at least one of them is
}

// noMarks is the sum of none.
func noMarks() sum { return sum{all: ^Flags(0)} }

func (s *sum) add(m mark) {
	s.some |= m.flags
	s.all &= m.flags
	s.kinds |= m.kind
}

// mark is what has to be known of a command beside its bytes.
type mark struct {
	end   uint32 // of the command in buf
	flags Flags
	kind  kinds
}

// kinds are bits.
type kinds uint8

const (
	special   kinds = 1 << iota // stateful, or without a name
	twoWords                    // the name is
	asIs                        // large, or it waits on the server: the next of whole, nothing in buf
	enclosing                   // the first of a batch, put there by Enclose
)

// freeParts are parts that nobody uses. A program cannot tell what is in there.
var freeParts = sync.Pool{New: func() any {
	return &batchPart{buf: make([]byte, 0, firstBytes), marks: make([]mark, 0, firstBytes/32), sum: noMarks()}
}}

// Add appends a command.
func (b *Batch) Add(cmd *Command) {
	p := b.last
	if p == nil || p.size() >= partBytes || len(p.marks) >= partCommands {
		p = b.grow()
	}
	m := mark{flags: cmd.flags, kind: kindOf(cmd)}
	if buf, ok := cmd.AppendShort(p.buf); ok && !cmd.timed {
		p.buf = buf
	} else if p.addLong(cmd) {
		m.kind |= asIs
	}
	m.end = uint32(len(p.buf))
	p.marks = append(p.marks, m)
	p.sum.add(m)
	b.n++
}

func (b *Batch) grow() *batchPart {
	p := freeParts.Get().(*batchPart)
	if b.last == nil {
		b.first = p
	} else {
		b.last.next = p
	}
	b.last = p
	return p
}

// addLong adds a command that is not short, or waits on the server. It reports whether
// that is left as it is.
func (p *batchPart) addLong(cmd *Command) (asIs bool) {
	size := cmd.Size()
	if size > partBytes || cmd.timed {
		p.whole = append(p.whole, *cmd)
		p.large += size
		return true
	}
	p.buf = cmd.AppendSized(p.buf, size)
	return false
}

// size returns about how many bytes the commands have, encoded.
func (p *batchPart) size() int { return len(p.buf) + p.large }

func kindOf(cmd *Command) (k kinds) {
	if cmd.name == "" || len(cmd.name) >= shortestStateful && cmd.Stateful() {
		k = special
	}
	if cmd.space > 0 {
		k |= twoWords
	}
	return k
}

// Len returns the number of commands.
func (b *Batch) Len() int { return int(b.n) }

// Place returns the name of command i and where it stands, for errors: "INCR, index 2
// of 10 commands". Of a batch of one it is the name. The two commands that enclose a
// batch are not counted; they have the place "EXEC of 10 commands".
func (b *Batch) Place(i int) string {
	if i >= b.Len() {
		return ""
	}
	cmd := b.Command(i)
	name, n, before := cmd.Name(), b.Len(), int(b.before)
	if b.first != nil && b.first.marks[0].kind&enclosing != 0 {
		if n -= 2; i == 0 || i == n+1 {
			if n == 1 {
				return strings.Clone(name)
			}
			return name + " of " + strconv.Itoa(n) + " commands"
		}
		i--
	}
	if before+n == 1 {
		return strings.Clone(name)
	}
	return name + ", index " + strconv.Itoa(before+i) + " of " + strconv.Itoa(before+n) + " commands"
}

// Follow lets [Batch.Place] count n commands before the first of the batch, such as
// those that have been sent earlier.
func (b *Batch) Follow(n int) { b.before = uint32(n) }

// Follows returns what was given to [Batch.Follow].
func (b *Batch) Follows() int { return int(b.before) }

// Size returns about how many bytes the commands from that one on have, encoded.
func (b *Batch) Size(from int) int {
	if p := b.only(from); p != nil {
		return p.size()
	}
	return b.sizeFrom(from)
}

func (b *Batch) sizeFrom(from int) (n int) {
	if b.lent != nil {
		for i := range b.lent[from:] {
			n += b.lent[from+i].Size()
		}
		return n
	}
	p, i := b.at(from)
	if p == nil {
		return 0
	}
	if i > 0 {
		n -= int(p.marks[i-1].end)
	}
	for ; p != nil; p = p.next {
		n += p.size()
	}
	return n
}

// Flags returns the flags that at least one of the commands from that one on has, and
// those that all have.
func (b *Batch) Flags(from int) (some, all Flags) {
	if p := b.only(from); p != nil {
		return p.sum.some, p.sum.all
	}
	return b.flagsFrom(from)
}

func (b *Batch) flagsFrom(from int) (some, all Flags) {
	all = ^Flags(0)
	for i := from; i < len(b.lent); i++ {
		some |= b.lent[i].flags
		all &= b.lent[i].flags
	}
	for p, i := b.at(from); p != nil; p, i = p.next, 0 {
		of := p.sum
		if i > 0 {
			of = noMarks()
			for _, m := range p.marks[i:] {
				of.add(m)
			}
		}
		some |= of.some
		all &= of.all
	}
	return some, all
}

// Repeatable reports whether each of the commands from that one on is [ReadOnly] or
// [Idempotent].
func (b *Batch) Repeatable(from int) bool {
	for i := from; i < len(b.lent); i++ {
		if b.lent[i].flags&(ReadOnly|Idempotent) == 0 {
			return false
		}
	}
	for p, i := b.at(from); p != nil; p, i = p.next, 0 {
		for _, m := range p.marks[i:] {
			if m.flags&(ReadOnly|Idempotent) == 0 {
				return false
			}
		}
	}
	return true
}

// NextSpecial returns the first command from that one on that is stateful or has no
// name, and Len if there is none.
func (b *Batch) NextSpecial(from int) int {
	if p := b.only(from); p != nil && p.sum.kinds&special == 0 {
		return b.Len()
	}
	return b.specialFrom(from)
}

func (b *Batch) specialFrom(from int) int {
	n := from
	for ; n < len(b.lent); n++ {
		if kindOf(&b.lent[n])&special != 0 {
			return n
		}
	}
	for p, i := b.at(from); p != nil; p, i = p.next, 0 {
		if p.sum.kinds&special == 0 {
			n += len(p.marks) - i
			continue
		}
		for _, m := range p.marks[i:] {
			if m.kind&special != 0 {
				return n
			}
			n++
		}
	}
	return b.Len()
}

// only returns the part that all commands from that one on are, if there is just one and
// that is all of it. It saves small batches a search: all that is asked of them lies there.
func (b *Batch) only(from int) *batchPart {
	if from == 0 && b.first == b.last {
		return b.first
	}
	return nil
}

// at returns the part with command i, and its place there; nil if there is none.
func (b *Batch) at(i int) (*batchPart, int) {
	p := b.first
	for ; p != nil && i >= len(p.marks); p = p.next {
		i -= len(p.marks)
	}
	return p, i
}

// Command returns command i. It panics if there is none. Its arguments are
// bytes of the batch, valid as long as that does not change.
func (b *Batch) Command(i int) Command {
	if b.lent != nil {
		return b.lent[i]
	}
	p, at := b.at(i)
	if p.marks[at].kind&asIs != 0 {
		return p.whole[p.wholes(at)]
	}
	return p.decode(at, p.buf)
}

// wholes is how many commands before the ith are as they are.
func (p *batchPart) wholes(i int) (n int) {
	if len(p.whole) > 0 {
		for _, m := range p.marks[:i] {
			n += int(m.kind & asIs / asIs)
		}
	}
	return n
}

// span returns where command i lies in buf.
func (p *batchPart) span(i int) (start, end int) {
	if i > 0 {
		start = int(p.marks[i-1].end)
	}
	return start, int(p.marks[i].end)
}

// decode makes a command of its bytes in buf, which is p.buf or a copy of it.
func (p *batchPart) decode(i int, buf []byte) (c Command) {
	start, end := p.span(i)
	m := p.marks[i]
	if text := buf[start:end]; string(text[:4]) == "*1\r\n" && len(text) < len("*1\r\n$0\r\n\r\n")+10 {
		c.name, c.flags = nameOf(text[len("*1\r\n$0\r\n"):len(text)-2]), m.flags
		return c
	}
	cur := Value(buf[start:end]).Cursor()
	word := func() []byte {
		v, _ := cur.Next()
		text, _ := v.Bytes() // a bulk string: this package wrote it
		return text
	}
	name := nameOf(word()) // errors keep it
	if m.kind&twoWords != 0 {
		name += " " + string(word())
	}
	args := make([]Arg, 0, inlineArgs)
	for v, ok := cur.Next(); ok; v, ok = cur.Next() {
		text, _ := v.Bytes()
		args = append(args, Bytes(text))
	}
	c.Init(name, m.flags, args...)
	return c
}

// nameOf returns a copy of a name. Those around a transaction, which connections look
// at, need no memory.
func nameOf(b []byte) string {
	switch string(b) {
	case "MULTI":
		return "MULTI"
	case "EXEC":
		return "EXEC"
	}
	return string(b)
}

// Commands returns the commands from that one on. They are copies.
func (b *Batch) Commands(from int) []Command {
	if b.lent != nil {
		return slices.Clone(b.lent[from:])
	}
	all := make([]Command, 0, b.Len()-from)
	for p, i := b.at(from); p != nil; p, i = p.next, 0 {
		buf := slices.Clone(p.buf)
		for ; i < len(p.marks); i++ {
			if p.marks[i].kind&asIs != 0 {
				all = append(all, p.whole[p.wholes(i)])
				continue
			}
			all = append(all, p.decode(i, buf))
		}
	}
	return all
}

// Enclose puts a short command in front of all others and one behind them. It is
// called once.
func (b *Batch) Enclose(first, last *Command) {
	b.Add(last)
	p := b.first
	var short [64]byte
	text := first.AppendTo(short[:0])
	n := len(text)
	p.buf = append(p.buf, text...)
	copy(p.buf[n:], p.buf)
	copy(p.buf, text)
	p.marks = append(p.marks, mark{})
	for i := len(p.marks) - 1; i > 0; i-- {
		p.marks[i] = p.marks[i-1]
		p.marks[i].end += uint32(n)
	}
	p.marks[0] = mark{end: uint32(n), flags: first.flags, kind: kindOf(first) | enclosing}
	p.sum.add(p.marks[0])
	b.n++
}

// Free empties the batch and gives what it has borrowed back.
func (b *Batch) Free() {
	for p := b.first; p != nil; {
		next := p.next
		// There are seldom any in whole, and they refer to what is the caller's.
		p.next, p.buf, p.marks, p.whole, p.large, p.sum = nil, p.buf[:0], p.marks[:0], nil, 0, noMarks()
		freeParts.Put(p)
		p = next
	}
	b.first, b.last, b.lent, b.n, b.before = nil, nil, nil, 0, 0
}

// Rest is the commands of a batch that have not been sent. It is for those who send.
type Rest struct {
	p    *batchPart
	i    int
	lent []Command
}

// From returns the commands from that one on.
func (b *Batch) From(i int) Rest {
	if b.lent != nil {
		return Rest{lent: b.lent[i:]}
	}
	p, i := b.at(i)
	return Rest{p: p, i: i}
}

// AppendTo appends the next commands, encoded, as many as are sent in one piece, and
// returns how many. It returns 0 when all have been appended.
func (r *Rest) AppendTo(dst []byte) (out []byte, n int) {
	p, i := r.p, r.i
	if p == nil {
		return r.encode(dst)
	}
	r.p, r.i = p.next, 0
	if len(p.whole) > 0 {
		return p.appendEach(dst, i), len(p.marks) - i
	}
	start, _ := p.span(i)
	return append(dst, p.buf[start:]...), len(p.marks) - i
}

// encode is AppendTo for what is lent.
func (r *Rest) encode(dst []byte) (out []byte, n int) {
	start := len(dst)
	for n < len(r.lent) && n < partCommands && (n == 0 || len(dst)-start < partBytes) {
		dst = r.lent[n].AppendTo(dst)
		n++
	}
	r.lent = r.lent[n:]
	return dst, n
}

// appendEach is AppendTo for a part of which some commands are not encoded yet.
func (p *batchPart) appendEach(dst []byte, i int) []byte {
	whole := p.whole[p.wholes(i):]
	for ; i < len(p.marks); i++ {
		if p.marks[i].kind&asIs != 0 {
			dst = whole[0].AppendTo(dst)
			whole = whole[1:]
			continue
		}
		start, end := p.span(i)
		dst = append(dst, p.buf[start:end]...)
	}
	return dst
}

// Timeout returns how long the command may wait on the server, as
// [Command.Timeout] does.
func (b *Batch) Timeout(i int) (d time.Duration, ok bool) {
	if b.lent != nil {
		return b.lent[i].Timeout()
	}
	p, i := b.at(i)
	if p.marks[i].kind&asIs == 0 {
		return 0, false
	}
	return p.whole[p.wholes(i)].Timeout()
}
