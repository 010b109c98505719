package mq

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Rate is how often something may happen.
type Rate struct {
	// Messages is how many begin in each Per on the average. Zero means any number, and
	// then Per and Burst must be zero too: [ErrInvalid].
	Messages int
	// Per is the time for which Messages counts. Zero means a second.
	Per time.Duration
	// Burst is how many may begin at once after a time in which none did. Zero means as
	// many as a tenth of a second brings, but at least one. A small burst is kept to the
	// letter: what workers do not begin in time is not made up for.
	Burst int
}

// Limits of a queue. They are stored with it, and the script that claims keeps them, for
// all workers together and by the server's clock: see [Queue.Limit]. The zero value is
// what a queue has whose limits were never set.
type Limits struct {
	// KeyCap is how many messages of a [Key] are handled at a time. Zero means one,
	// negative any number.
	KeyCap int
	// Overtake lets messages of a key pass those that wait for their next attempt. A
	// KeyCap other than one does that always.
	Overtake bool
	// KeyRate is how many messages of a key begin in a time.
	KeyRate Rate
	// Rate is how many messages of the queue begin in a time, on all workers together. A
	// worker takes what it needs by one script, up to a burst; each attempt counts.
	Rate Rate
}

const (
	maxLimit = 1_000_000
	// millisecond as the scripts count.
	millisecond = float64(time.Millisecond)
)

// Limit sets the limits of the queue, from now on and for all workers: those that run
// need not be told, but one that waits for a rate goes by the new one when it asks next,
// after WorkerOptions.PollInterval. What is handled already goes on, and what the rates have
// spent stays spent, up to a burst of the new ones. A KeyRate where there was none counts
// for what is ready already: that goes back to its key, for which the server reads all
// that is ready and rewrites its lists, once. It does so in one script, which is O(n) in
// what is ready, and nothing else runs on the server meanwhile. The program that runs the
// workers may set the limits whenever it starts: the same again change nothing.
//
// A place is held by the name of its message, which is freed in the same script that
// settles, cancels or buries it: a worker that dies, a lost reply or a failover leaves no
// place taken. When a lease ends, the message keeps its place, and its turn. A message
// that waits for its next attempt when Overtake is set keeps its place until that time
// has come.
func (c *core) Limit(ctx context.Context, l Limits) error {
	if c.err != nil {
		return c.err
	}
	text, err := l.encode()
	if err != nil {
		return err
	}
	_, err = limitScript.Run(ctx, c.d, c.keys, resp.String(text))
	return c.wrap("limit", err)
}

// Limits returns the limits of the queue, with what zero means in its place.
func (c *core) Limits(ctx context.Context) (Limits, error) {
	if c.err != nil {
		return Limits{}, c.err
	}
	text, err := limitScript.Run(ctx, c.d, c.keys)
	if err != nil {
		return Limits{}, c.wrap("limits of", err)
	}
	return parseLimits(text)
}

// encode checks the limits and writes them as the scripts read them.
func (l Limits) encode() (string, error) {
	if l.KeyCap > maxLimit {
		return "", fmt.Errorf("%w: %d messages of a key at a time", ErrInvalid, l.KeyCap)
	}
	most := l.KeyCap
	switch {
	case most == 0:
		most = 1
	case most < 0:
		most = 0
	}
	overtake := 0
	if l.Overtake {
		overtake = 1
	}
	key, err := l.KeyRate.encode()
	if err != nil {
		return "", err
	}
	all, err := l.Rate.encode()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d:%s:%s", most, overtake, key, all), nil
}

// encode writes how many ms are between two messages, and the burst.
func (r Rate) encode() (string, error) {
	switch {
	case r.Messages == 0 && r.Per == 0 && r.Burst == 0:
		return "0:1", nil
	case r.Messages <= 0 || r.Messages > maxLimit || r.Per < 0 || r.Per > longest || r.Burst < 0 || r.Burst > maxLimit:
		return "", fmt.Errorf("%w: rate of %d messages in %v, burst %d", ErrInvalid, r.Messages, r.Per, r.Burst)
	case r.Per == 0:
		r.Per = time.Second
	}
	every := float64(r.Per) / millisecond / float64(r.Messages)
	if every < 1e-3 {
		return "", fmt.Errorf("%w: rate of %d messages in %v", ErrInvalid, r.Messages, r.Per)
	}
	if r.Burst == 0 {
		r.Burst = max(int(100/every), 1)
	}
	return strconv.FormatFloat(every, 'f', 6, 64) + ":" + strconv.Itoa(r.Burst), nil
}

func parseLimits(text string) (l Limits, err error) {
	if text == "" {
		return Limits{KeyCap: 1}, nil
	}
	words := strings.Split(text, ":")
	if len(words) != 6 {
		return l, errReply
	}
	if l.KeyCap, err = strconv.Atoi(words[0]); err != nil {
		return l, errReply
	}
	if l.KeyCap == 0 {
		l.KeyCap = -1
	}
	l.Overtake = words[1] == "1"
	if l.KeyRate, err = parseRate(words[2], words[3]); err != nil {
		return l, err
	}
	l.Rate, err = parseRate(words[4], words[5])
	return l, err
}

// parseRate returns a rate as messages in a second, or in the time that one takes.
func parseRate(every, burst string) (r Rate, err error) {
	ms, err := strconv.ParseFloat(every, 64)
	if err != nil {
		return r, errReply
	}
	if ms == 0 {
		return Rate{}, nil
	}
	if r.Burst, err = strconv.Atoi(burst); err != nil {
		return r, errReply
	}
	if n := 1000 / ms; n >= 1 && n-float64(int(n+0.5)) < 1e-3 && float64(int(n+0.5))-n < 1e-3 {
		r.Messages, r.Per = int(n+0.5), time.Second
	} else {
		r.Messages, r.Per = 1, time.Duration(ms*millisecond)
	}
	return r, nil
}

// appendKey writes a key as it is stored: without what ends a word.
func appendKey(b []byte, key string) []byte {
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c == 0x7f || c == '%' {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

func readKey(s string) string {
	if key, err := url.PathUnescape(s); err == nil {
		return key
	}
	return s
}
