package testserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reply is a decoded reply of Client.
type Reply struct {
	Kind  byte    // first byte of its encoding: + - : $ * _ % ~ > , #
	Str   string  // text, error, bulk, double, bool; an integer's digits
	Int   int64   // of ':'
	Null  bool    // null of any kind
	Elems []Reply // of an aggregate; a map has keys and values
}

// String returns the text, or the elements with spaces between them.
func (r Reply) String() string {
	if len(r.Elems) == 0 {
		return r.Str
	}
	parts := make([]string, len(r.Elems))
	for i, e := range r.Elems {
		parts[i] = e.String()
	}
	return strings.Join(parts, " ")
}

// Strings returns the elements as texts.
func (r Reply) Strings() []string {
	s := make([]string, len(r.Elems))
	for i, e := range r.Elems {
		s[i] = e.String()
	}
	return s
}

// Map returns keys and values of a map, or of a flat array.
func (r Reply) Map() map[string]Reply {
	m := map[string]Reply{}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		m[r.Elems[i].Str] = r.Elems[i+1]
	}
	return m
}

// ReplyError is an error reply, for Client.Do.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// Client is a connection of the harness's own: small, slow and obviously
// right, to look at servers independently of the library under test. Not for
// concurrent use.
type Client struct {
	nc net.Conn
	br *bufio.Reader
}

// DialClient connects; cfg may be nil. Every later wait is bounded by timeout.
func DialClient(network, addr string, cfg *tls.Config, timeout time.Duration) (*Client, error) {
	d := &net.Dialer{Timeout: timeout}
	var nc net.Conn
	var err error
	if cfg != nil {
		nc, err = tls.DialWithDialer(d, network, addr, cfg)
	} else {
		nc, err = d.Dial(network, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("testserver: client: %w", err)
	}
	return NewClient(nc), nil
}

func NewClient(nc net.Conn) *Client { return &Client{nc: nc, br: bufio.NewReader(nc)} }

// SetDeadline bounds reads and writes from now on.
func (c *Client) SetDeadline(t time.Time) { _ = c.nc.SetDeadline(t) }

// Close closes the connection.
func (c *Client) Close() error { return c.nc.Close() }

// Do sends a command and reads its reply. An error reply comes back as the
// Reply and as a ReplyError.
func (c *Client) Do(args ...string) (Reply, error) {
	if err := c.Send(args...); err != nil {
		return Reply{}, err
	}
	r, err := c.Read()
	if err == nil && r.Kind == '-' {
		return r, ReplyError(r.Str)
	}
	return r, err
}

// Send writes a command.
func (c *Client) Send(args ...string) error {
	_, err := io.WriteString(c.nc, Bulks(args...))
	return err
}

// Read reads one reply or push.
func (c *Client) Read() (Reply, error) {
	line, err := c.br.ReadString('\n')
	if err != nil {
		return Reply{}, err
	}
	if len(line) < 3 || !strings.HasSuffix(line, "\r\n") {
		return Reply{}, fmt.Errorf("testserver: client: bad line %q", line)
	}
	r := Reply{Kind: line[0], Str: line[1 : len(line)-2]}
	switch r.Kind {
	case '+', '-', ',', '#', '(':
		return r, nil
	case '_':
		r.Null, r.Str = true, ""
		return r, nil
	case ':':
		r.Int, err = strconv.ParseInt(r.Str, 10, 64)
		return r, err
	case '$', '=', '*', '~', '>', '%':
		return c.body(r)
	}
	return Reply{}, fmt.Errorf("testserver: client: bad line %q", line)
}

// body reads what follows a header with a length.
func (c *Client) body(r Reply) (Reply, error) {
	n, err := strconv.Atoi(r.Str)
	if err != nil {
		return Reply{}, errors.Join(errors.New("testserver: client: bad length"), err)
	}
	r.Str = ""
	if n < 0 {
		r.Null = true
		return r, nil
	}
	if slices.Contains([]byte{'$', '='}, r.Kind) {
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(c.br, buf); err != nil {
			return Reply{}, err
		}
		r.Str = string(buf[:n])
		if r.Kind == '=' && n >= 4 {
			r.Str = r.Str[4:]
		}
		return r, nil
	}
	if r.Kind == '%' {
		n *= 2
	}
	for range n {
		e, err := c.Read()
		if err != nil {
			return Reply{}, err
		}
		r.Elems = append(r.Elems, e)
	}
	return r, nil
}
