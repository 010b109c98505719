package conn

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestWhoReceivesHasProgressOnlyWithEnoughBytes(t *testing.T) {
	c := newCrowded(t, 0)
	c.opts.MinProgress = 1000
	sent := 0
	for i, test := range []struct {
		text     string
		progress uint32
	}{
		{"$5000\r\n" + strings.Repeat("x", 393), 0}, {strings.Repeat("x", 300), 0},
		{strings.Repeat("x", 300), 1}, {strings.Repeat("x", 300), 1}, {strings.Repeat("x", 900), 2},
	} {
		if _, err := c.peer.Write([]byte(test.text)); err != nil {
			t.Fatal(err)
		}
		for sent += len(test.text); len(c.wire.in.unread()) < sent; {
			if err := c.receiveMore(); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Progress(); got != test.progress {
			t.Errorf("after write %d, %d bytes: progress %d", i, sent, got)
		}
	}
}

func TestWhatMayPassInAHandshakeIsNotPermanent(t *testing.T) {
	for name, test := range map[string]struct {
		step  string
		cause error
		want  bool
	}{
		"a word that is none":         {stepHello, errors.New("x"), true},
		"another role":                {stepHello, &RoleError{}, false},
		"the network":                 {stepHello, &net.OpError{Op: "read", Err: errors.New("x")}, false},
		"it hangs up":                 {stepHello, io.EOF, false},
		"its time is over":            {stepHello, ErrTimeout, false},
		"it was closed":               {stepHello, ErrClosed, false},
		"the caller's own function":   {stepCredentials, errors.New("x"), true},
		"something else later":        {"SELECT", errors.New("x"), false},
		"a TLS handshake that is cut": {"TLS", io.EOF, false},
	} {
		if got := permanentAt(test.step, test.cause); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
