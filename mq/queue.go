package mq

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

const (
	// DefaultPrefix is the first word of all keys.
	DefaultPrefix = "mq"
	// DefaultMaxAttempts is how often a message is handled before it is a dead
	// letter.
	DefaultMaxAttempts = 8
	// DefaultMaxPayload is the largest payload, in bytes.
	DefaultMaxPayload = 1 << 20
	// DefaultDurabilityTimeout bounds how long replicas are waited for.
	DefaultDurabilityTimeout = 5 * time.Second

	maxName    = 128      // bytes of a queue's name and of a prefix
	maxID      = 512      // bytes of an id
	maxHeaders = 16 << 10 // bytes of all headers of a message
	maxKind    = 256
	maxKey     = 256
	maxBatch   = 500     // messages of one script
	batchBytes = 1 << 20 // of one script, if it has more than one message
	// longest is the longest delay, window or pause.
	longest = 10 * 365 * 24 * time.Hour
)

// Codec makes payloads of values and back. Those of package codec are some.
type Codec = redis.Codec

// Options of a [Queue]. The zero value is useful. Producers and workers of a queue
// should use the same.
type Options struct {
	// Prefix is the first word of all keys, which are "mq:{name}:...". Empty means
	// DefaultPrefix.
	Prefix string
	// Codec makes payloads. Nil means JSON; a []byte and a json.RawMessage are
	// always taken as they are.
	Codec Codec
	// MaxAttempts is how often a message is handled before it is a dead letter, if
	// it does not say so itself. Zero means DefaultMaxAttempts, negative no end.
	MaxAttempts int
	// MaxLen is how many messages may wait or be handled. One more is refused with
	// [ErrQueueFull]. Zero and negative mean any number.
	MaxLen int64
	// MaxPayload is the largest payload in bytes. Zero means DefaultMaxPayload,
	// negative any.
	MaxPayload int
	// Window is how long an id stays taken after its message is done, if the
	// message does not say so itself. Zero and negative mean not at all.
	Window time.Duration
	// MinReplicas is how many replicas must have a message before Enqueue returns.
	// With as many as there are replicas, no message whose Enqueue returned nil is lost
	// when the master fails; with fewer, none if replication to the others had not
	// stopped before, for sentinels may promote one of those. Zero and negative mean
	// none.
	MinReplicas int
	// DurabilityTimeout bounds how long Enqueue tries to get that, through
	// failovers. Zero and negative mean DefaultDurabilityTimeout.
	DurabilityTimeout time.Duration
	// Hooks carry a trace along with messages.
	Hooks Hooks
	// Subscriber is where Await hears of results. Nil means one whose source is the
	// client of the queue, as long as calls wait.
	Subscriber *pubsub.Subscriber
}

// Hooks are functions that are called on the way of a message, for tracing. Each
// may be nil. They must be safe for concurrent use. Package redisotel has some.
type Hooks struct {
	// Enqueue is called before n messages are enqueued, and what it returns after.
	Enqueue func(ctx context.Context, queue string, n int) (context.Context, func(error))
	// Inject adds headers to a message that is enqueued under ctx.
	Inject func(ctx context.Context, headers map[string]string)
	// Handle is called before a message is handled, and what it returns after. It
	// finds the headers in m.
	Handle func(ctx context.Context, m *Info) (context.Context, func(error))
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Codec == nil {
		o.Codec = jsonCodec{}
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = DefaultMaxAttempts
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = DefaultMaxPayload
	}
	if o.DurabilityTimeout <= 0 {
		o.DurabilityTimeout = DefaultDurabilityTimeout
	}
	o.MaxLen, o.Window, o.MinReplicas = max(o.MaxLen, 0), max(o.Window, 0), max(o.MinReplicas, 0)
	return o
}

// Queue is a queue of messages of type T. It holds no connection and runs nothing by
// itself; its methods are safe for concurrent use.
type Queue[T any] struct{ *core }

// core is a queue of bytes.
type core struct {
	d    redis.Doer
	name string
	base string // the beginning of all keys
	keys []string
	opts Options
	err  error // the name or an option cannot be used

	sources sync.Map // hashes of scripts that have been sent with their sources

	nonce  string // of the ids that this process makes
	serial atomic.Uint64

	lanes  lanes
	commit committer
	await  awaiter
}

// New returns the queue of that name over d, which may be any Doer of this module:
// the client, also under interceptors, or a pool. It does no I/O. A name or prefix
// that cannot be used is the error of every method: it must have 1 to 128 bytes, no
// spaces, braces or control characters.
func New[T any](d redis.Doer, name string, o Options) *Queue[T] {
	o = o.withDefaults()
	c := &core{d: d, name: name, opts: o, nonce: nonce(6)}
	c.base = o.Prefix + ":{" + name + "}:"
	c.keys = []string{c.base}
	c.lanes.producer = nonce(6)
	c.err = checkName("queue", name)
	if c.err == nil {
		c.err = checkName("prefix", o.Prefix)
	}
	if c.err == nil && o.Window > longest {
		c.err = fmt.Errorf("%w: window of %v", ErrInvalid, o.Window)
	}
	return &Queue[T]{c}
}

// Name returns the name of the queue.
func (c *core) Name() string { return c.name }

func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: empty %s name", ErrInvalid, what)
	case len(name) > maxName:
		return fmt.Errorf("%w: %s name of %d bytes, at most %d", ErrTooLarge, what, len(name), maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '{' || r == '}' || r == '\uFFFD' }):
		return fmt.Errorf("%w: %s name %q has a space, a brace or a control character", ErrInvalid, what, name)
	}
	return nil
}

func checkID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: empty id", ErrInvalid)
	}
	if len(id) > maxID {
		return fmt.Errorf("%w: id of %d bytes, at most %d", ErrTooLarge, len(id), maxID)
	}
	return nil
}

// nonce returns n random bytes as text without a slash.
func nonce(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// newID returns an id that nobody else makes.
func (c *core) newID() string {
	return c.nonce + "." + strconv.FormatUint(c.serial.Add(1), 36)
}

// encode makes a payload of a value.
func encode(c Codec, v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case json.RawMessage:
		return v, nil
	}
	return c.Encode(v)
}

// decode makes a value of a payload, which it may keep.
func decode(c Codec, b []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = b
		return nil
	case *json.RawMessage:
		*v = b
		return nil
	}
	return c.Decode(b, v)
}

type jsonCodec struct{}

func (jsonCodec) Encode(v any) ([]byte, error) { return json.Marshal(v) }
func (jsonCodec) Decode(b []byte, v any) error { return json.Unmarshal(b, v) }

// lanes number the callers of which one call at a time is under way. The server
// remembers the last call of each, so that one whose reply was lost may be repeated.
type lanes struct {
	producer string

	mu   sync.Mutex
	free []*lane
	made int
}

type lane struct {
	key string
	seq int64
}

func (l *lanes) take() *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		out := l.free[n-1]
		l.free = l.free[:n-1]
		out.seq++
		return out
	}
	l.made++
	return &lane{key: l.producer + strconv.Itoa(l.made), seq: 1}
}

func (l *lanes) give(back *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, back)
}

func (l *lane) args() (key, seq resp.Arg) { return resp.String(l.key), resp.Int(l.seq) }
