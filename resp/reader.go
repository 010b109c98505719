package resp

import "io"

const (
	// readerBuffer is the buffer of a Reader that has nothing large to hold.
	readerBuffer = 4 << 10
	// readerKeep is the largest buffer that is kept for the next reply.
	readerKeep = 64 << 10
	// maxEmptyReads is how often in a row an io.Reader may return nothing and
	// no error, as in bufio.
	maxEmptyReads = 100
)

// Reader reads replies from an [io.Reader] through a buffer of its own. The
// buffer grows with what has arrived, not with what a header claims, and is
// given up after a large reply. It is not safe for concurrent use.
type Reader struct {
	r    io.Reader
	buf  []byte
	i, w int // buf[i:w] has been read and not returned
	scan Scanner
	err  error // about the bytes: what follows cannot be read
}

// NewReader returns a Reader of r with the given limits.
func NewReader(r io.Reader, l Limits) *Reader { return &Reader{r: r, scan: NewScanner(l)} }

// Buffered returns how many bytes have been read and not returned yet.
func (r *Reader) Buffered() int { return r.w - r.i }

// ReadValue returns the next reply. It is valid until the next call.
//
// It returns [io.EOF] where r ends between two replies, [io.ErrUnexpectedEOF]
// where it ends inside one, and a *[SyntaxError] for bytes that are no reply or
// beyond the limits, ever after. Other errors are r's own; the next call goes on
// where this one stopped.
func (r *Reader) ReadValue() (Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	for {
		n, err := r.scan.Scan(r.buf[r.i:r.w])
		if err != nil {
			r.err = err
			return nil, err
		}
		if n > 0 {
			v := Value(r.buf[r.i : r.i+n : r.i+n])
			r.i += n
			return v, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once. The body of a large string is read to where it stays.
func (r *Reader) fill() error {
	r.makeRoom()
	for range maxEmptyReads {
		n, err := r.r.Read(r.buf[r.w:])
		r.w += n
		if n > 0 {
			return nil // an error will come again
		}
		if err == io.EOF && r.i < r.w {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom prepares the buffer for the next read.
func (r *Reader) makeRoom() {
	held := r.w - r.i
	need := held + r.scan.Need()
	switch {
	case len(r.buf) > readerKeep && need <= readerBuffer:
		r.move(readerBuffer) // what was large has gone
	case r.w < len(r.buf) && need <= len(r.buf)-r.i:
	case need <= len(r.buf) && r.i > 0:
		r.w = copy(r.buf, r.buf[r.i:r.w])
		r.i = 0
	default:
		most := max(readerKeep, 2*held)
		r.move(max(readerBuffer, 2*held, min(need, most)))
	}
}

// move copies what is held to a buffer of the given size.
func (r *Reader) move(size int) {
	buf := make([]byte, size)
	r.w = copy(buf, r.buf[r.i:r.w])
	r.i = 0
	r.buf = buf
}
