package resp

import "io"

// Reader reads replies.
type Reader struct {
	r    io.Reader
	buf  []byte
	i    int
	scan Scanner
}

func NewReader(r io.Reader, l Limits) *Reader { return &Reader{r: r, scan: NewScanner(l)} }

func (r *Reader) ReadValue() (Value, error) {
	r.buf = r.buf[r.i:]
	r.i = 0
	for {
		n, err := r.scan.Scan(r.buf)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			r.i = n
			return Value(r.buf[:n]), nil
		}
		var b [4096]byte
		m, err := r.r.Read(b[:])
		r.buf = append(r.buf, b[:m]...)
		if m == 0 && err != nil {
			if err == io.EOF && len(r.buf) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}
