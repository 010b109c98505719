package conn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// baseBuffer is the read buffer of a quiet connection.
	baseBuffer = 8 << 10
	// busyBuffer is what it grows to when reads keep filling it.
	busyBuffer = 64 << 10
	// largeReply is the size from which a reply is handed over with its
	// buffer, instead of being copied.
	largeReply = 16 << 10
	// bulkyReply is the size from which a reply in arrival makes new callers
	// prefer another connection.
	bulkyReply = 64 << 10
	// yieldAfter is how much one read brings before others get their turn on the
	// processor. For a large reply nobody but its caller waits: there it would cost
	// a wake-up for each read.
	yieldAfter = 16 << 10
	// firstGrowth is what may be allocated on the word of a length alone: it is not
	// cleared, so that the system gives no memory for what does not come. Beyond it,
	// buffers grow with what has really arrived.
	firstGrowth = 16<<20 + 4<<10
	// maxFrames is how many replies are handed out at a time.
	maxFrames = 128
)

// input is the reading side: it reads, and finds replies in what has been read. Whose
// they are it does not know. It belongs to the holder of the reading role; others may
// look at its atomic fields only.
type input struct {
	nc       net.Conn
	onPush   func(resp.Value)
	unwanted func() bool // reports whether nobody waits for the reply that is arriving
	large    *largeBuffers

	buf   []byte
	small []byte // was buf before a large reply came
	exact bool   // of a large buf: it is an allocation from its start to its end
	body  bool   // what is read is the body of a string that is streamed
	drops bool   // what is read belongs to a reply that nobody wants, and is not kept
	r, w  int    // buf[r:w] has been read and not yet framed
	scan  resp.Scanner
	total uint64 // bytes framed, to know the first ones
	full  int    // reads in a row that filled the buffer

	// The replies that have been framed, but not handed out, lie one behind the other.
	first int            // where they begin
	ends  [maxFrames]int // where each ends, counted from there
	odd   bool           // one of them may be an error, or has an attribute in front of it

	fresh    uint32        // is to be added to arrived before anybody waits again; wraps
	arrived  atomic.Uint32 // counts bytes of replies, and much for each whole one; wraps
	progress atomic.Uint32 // see wire.Progress
	bulky    atomic.Bool   // a large reply is arriving
}

// frame is one reply in the buffer.
type frame struct{ start, end int }

func (f frame) size() int { return f.end - f.start }

// frame returns a reply that has been framed.
func (in *input) frame(i int) (f frame) {
	f.start, f.end = in.first, in.first+in.ends[i]
	if i > 0 {
		f.start += in.ends[i-1]
	}
	return f
}

// init makes ready an input that reads from nc.
func (in *input) init(nc net.Conn, o *Options, unwanted func() bool) {
	in.nc, in.onPush, in.unwanted, in.large = nc, o.OnPush, unwanted, &largeBuffers{}
	in.scan = resp.NewScanner(o.Limits)
}

// empty reports whether all that was read has been framed.
func (in *input) empty() bool { return in.r == in.w }

// unread returns what has been read and not yet framed.
func (in *input) unread() []byte { return in.buf[in.r:in.w] }

// mayGoUnasked reports whether what is unread may be there though no command awaits
// a reply: there is nothing, or the beginning of a push.
func (in *input) mayGoUnasked() bool { return in.r == in.w || mayBePush(in.buf[in.r]) }

// skip takes n unread bytes, which need no framing.
func (in *input) skip(n int) {
	in.r += n
	in.total += uint64(n)
}

// next returns the next thing that has been read as a whole, a push or a reply, or
// nil. It is valid until something is read.
func (in *input) next() (resp.Value, error) {
	if in.r == in.w {
		return nil, nil
	}
	n, err := in.scan.Scan(in.buf[in.r:in.w])
	if err != nil || n == 0 {
		return nil, err
	}
	v := resp.Value(in.buf[in.r : in.r+n])
	in.skip(n)
	return v, nil
}

// frameReplies finds complete replies and returns how many. It gives pushes to the handler,
// and stops at one that is behind a reply: there is more to frame as long as it finds any.
func (in *input) frameReplies() (n int, err error) {
	if in.drops {
		whole, err := in.drop()
		if err != nil || !whole {
			return 0, err
		}
		in.ends[0] = 0 // nobody looks at it
		n++
	}
	in.first, in.odd = in.r, false
	for n < maxFrames && in.r < in.w {
		length, err := in.scan.Scan(in.buf[in.r:in.w])
		if err != nil || length == 0 {
			return n, err
		}
		v := resp.Value(in.buf[in.r : in.r+length])
		if mayBePush(v[0]) && v.Kind() == resp.KindPush {
			if n > 0 {
				return n, nil
			}
			if err := in.takePush(v); err != nil {
				return n, err
			}
			continue
		}
		in.odd = in.odd || v.MayBeError()
		in.r += length
		in.ends[n] = in.r - in.first
		n++
		if run := in.scan.ScanRun(in.buf[in.first:in.w], in.r-in.first, in.ends[n:]); run > 0 {
			n += run
			in.r = in.first + in.ends[n-1]
		}
	}
	return n, nil
}

// takePush gives the push that comes next to the handler.
func (in *input) takePush(v resp.Value) error {
	if v[0] == '|' {
		in.fresh -= uint32(len(v)) // it looked like a part of a reply
	}
	in.r += len(v)
	in.first = in.r
	in.bulky.Store(false)
	return in.push(v)
}

// drop drops what there is of a reply that nobody wants, and reports whether that is
// the rest of it.
func (in *input) drop() (whole bool, err error) {
	n, whole, err := in.scan.Skip(in.unread())
	in.skip(n)
	if in.drops = !whole; in.drops && in.empty() && in.small != nil {
		in.large.giveBack(in.buf)
		in.buf, in.small, in.r, in.w = in.small, nil, 0, 0
	}
	return whole, err
}

// push gives a push to the handler. A handler that panics breaks the
// connection, and not the caller that happens to read.
func (in *input) push(v resp.Value) (err error) {
	if in.onPush == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the handler of pushes panicked: %v", r)
		}
	}()
	in.onPush(v)
	return nil
}

// unasked is the error for a reply without a command. A server that refuses a
// connection speaks first.
func (in *input) unasked(i int) error {
	f := in.frame(i)
	if err := resp.Value(in.buf[f.start:f.end]).Err(); err != nil {
		return err
	}
	return errUnasked
}

// framingError adds what a peer that speaks another protocol is known by.
func (in *input) framingError(err error) error {
	if in.total > 0 || !errors.Is(err, resp.ErrProtocol) {
		return err
	}
	return &firstBytes{head: bytes.Clone(in.buf[in.r:min(in.w, in.r+16)]), err: err}
}

// fill reads once, into room enough for what is known to come. Before it would make
// room for a reply that nobody wants it returns, to have that dropped first.
func (in *input) fill() error {
	if !in.makeRoom() {
		return nil
	}
	n, err := in.read(in.buf[in.w:])
	if n == 0 {
		return err
	}
	in.came(n)
	return nil
}

// came notes that n more bytes have been read.
func (in *input) came(n int) {
	room := len(in.buf) - in.w
	in.w += n
	if in.body || in.drops || in.buf[in.r] != '>' {
		in.fresh += uint32(n)
	}
	if n > yieldAfter && !in.goesOn(n) {
		runtime.Gosched()
	}
	if n == room {
		in.full++
	} else {
		in.full = 0
	}
}

// beginRead makes the whole buffer ready for a read, if nothing is unread, and nothing but
// that is to be done before.
func (in *input) beginRead() bool {
	if in.r != in.w || in.full > 0 || len(in.buf) == 0 {
		return false // fill knows what to do
	}
	in.r, in.w = 0, 0
	if in.fresh != 0 {
		in.countFresh()
	}
	return true
}

// takeWhole takes the n bytes that have been read into the buffer as framed, if they are one
// short reply and nothing else.
func (in *input) takeWhole(n int) bool {
	if n > copyLocked || mayBePush(in.buf[0]) {
		return false
	}
	size, err := in.scan.Scan(in.buf[:n])
	if size == n {
		in.total += uint64(n)
		return true
	}
	if err != nil {
		in.scan.Reset() // it is found again
	}
	return false
}

// putBackWhole undoes takeWhole.
func (in *input) putBackWhole(n int) { in.total -= uint64(n) }

// goesOn reports whether the last read, of n bytes, went on with a large reply, or
// began a large string.
func (in *input) goesOn(n int) bool {
	if held := in.w - n - in.r; held >= baseBuffer/2 {
		return true // one reply: all before have been handed out
	}
	size, _ := stringHeader(in.unread())
	return size > yieldAfter
}

// countFresh lets the watch know of what has come.
func (in *input) countFresh() {
	in.arrived.Add(in.fresh)
	in.fresh = 0
}

// read reads once. It returns bytes or an error.
func (in *input) read(p []byte) (int, error) {
	if in.fresh != 0 {
		in.countFresh()
	}
	n, err := in.nc.Read(p)
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) && in.r < in.w {
		return 0, io.ErrUnexpectedEOF
	}
	return 0, err
}

// poked reports whether a read has returned err because somebody has woken who reads,
// and makes the next one wait again.
func (in *input) poked(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	_ = in.nc.SetReadDeadline(time.Time{})
	return true
}

// makeRoom prepares the buffer for the next read. It reports false if it has found
// instead that what is unread is to be dropped.
func (in *input) makeRoom() bool {
	if in.r == in.w {
		in.r, in.w = 0, 0
		switch {
		case in.buf == nil:
			in.buf = make([]byte, baseBuffer)
		case in.full >= 2 && len(in.buf) < busyBuffer:
			in.buf = make([]byte, 2*len(in.buf))
		}
		return true
	}
	held, need := in.w-in.r, 1
	if !in.drops {
		need = in.scan.Need()
	}
	if need += held; need <= len(in.buf)-in.r && in.w < len(in.buf) {
		return true
	}
	if need <= len(in.buf) {
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, held
		return true
	}
	return in.grow(held, need)
}

// grow is makeRoom where held bytes are unread and the buffer is too small for need.
func (in *input) grow(held, need int) bool {
	if need > bulkyReply {
		in.bulky.Store(true)
	}
	if !in.drops && !mayBePush(in.buf[in.r]) && in.unwanted() {
		in.drops = true
		return false
	}
	if in.w < len(in.buf) && len(in.buf)-in.r >= firstGrowth {
		return true // of a very large string: it is full before there is a larger one
	}
	size := min(need, max(firstGrowth, 4*held))
	if _, header := stringHeader(in.unread()); header == 0 {
		// Unlike the length of one string, that of all else is not known yet.
		size = max(size, 2*len(in.buf))
	}
	bigger := in.takeLarge(size)
	copy(bigger, in.unread())
	in.moveTo(bigger, held)
	return true
}

// moveTo goes on with a large buffer that holds what is unread, n bytes.
func (in *input) moveTo(large []byte, n int) {
	if len(in.buf) <= busyBuffer {
		in.small = in.buf
	}
	in.buf, in.r, in.w = large, 0, n
}

// takeLarge returns a buffer of at least size bytes.
func (in *input) takeLarge(size int) (buf []byte) {
	buf, in.exact = in.large.take(size)
	return buf
}

// replaceBuffer gives the input its small buffer back, or a fresh one, because the
// one in use has gone with a large reply, and moves what was read beyond that reply.
func (in *input) replaceBuffer() {
	rest := in.unread()
	if in.buf, in.small = in.small, nil; len(in.buf) < max(baseBuffer, len(rest)) {
		in.buf = make([]byte, max(baseBuffer, len(rest)))
	}
	in.r, in.w = 0, copy(in.buf, rest)
}

// dropBuffer is replaceBuffer where nobody has got the buffer in use.
func (in *input) dropBuffer() {
	large := in.buf
	in.replaceBuffer()
	in.large.giveBack(large)
}

// shrink lets go of a buffer that has grown, if it is empty.
func (in *input) shrink() {
	if len(in.buf) > baseBuffer && in.r == in.w {
		in.buf, in.small, in.r, in.w, in.full = nil, nil, 0, 0, 0
	}
}

// growTo makes the buffer, which is empty, one of size bytes at least.
func (in *input) growTo(size int) {
	if len(in.buf) < size {
		in.buf = make([]byte, size)
	}
	in.r, in.w = 0, 0
}
