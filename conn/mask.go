package conn

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Masked is what stands for a secret in texts.
const Masked = "***"

// Format prints the fields with the password masked, so that an Options may be
// printed and logged, also inside of others.
func (o Options) Format(f fmt.State, _ rune) {
	type plain Options // without this method
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, 'v'), plain(o.mask()))
}

func (o Options) mask() Options {
	if o.Password != "" {
		o.Password = Masked
	}
	o.Addr = maskAddr(o.Addr)
	return o
}

// LogValue returns what identifies a connection, without the password.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("addr", maskAddr(o.Addr)),
		slog.String("username", o.Username),
		slog.String("password", o.mask().Password),
		slog.Int("db", o.DB),
		slog.String("client_name", o.ClientName),
		slog.Bool("tls", o.TLS != nil),
	)
}

// MarshalJSON returns what LogValue does: an Options holds functions, which have
// no form in JSON, and secrets.
func (o Options) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Addr       string `json:"addr"`
		Username   string `json:"username,omitempty"`
		DB         int    `json:"db"`
		ClientName string `json:"client_name,omitempty"`
		TLS        bool   `json:"tls"`
	}{maskAddr(o.Addr), o.Username, o.DB, o.ClientName, o.TLS != nil})
}

// String returns the address and the state of the connection, and none of its
// options, which may hold secrets.
func (c *wire) String() string {
	if err := c.Err(); err != nil {
		return fmt.Sprintf("connection to %s, broken", c.opts.Addr)
	}
	return "connection to " + c.opts.Addr
}

// GoString returns String.
func (c *wire) GoString() string { return c.String() }
