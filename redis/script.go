package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Script is a Lua script with the decoder of its reply. It is made once and used
// by any number of goroutines, on any [Doer].
type Script[T any] struct {
	src, sha string
	decode   Decoder[T]
	readOnly bool
	again    bool // it may be repeated
	whole    bool // it is sent with its source, since it may answer NOSCRIPT itself
	errs     bool // it may answer an error that it makes up
}

// NewScript returns the script src. Its arguments are in KEYS and ARGV.
// See [NewLua] for a script with named ones.
//
// See https://redis.io/commands/eval.
func NewScript[T any](src string, decode Decoder[T]) *Script[T] {
	sum := sha1.Sum([]byte(src))
	return &Script[T]{
		src: src, sha: hex.EncodeToString(sum[:]), decode: decode,
		whole: strings.Contains(src, noScript),
		errs:  strings.Contains(src, "err"), // of error_reply, and of {err = ...}
	}
}

// ReadOnly returns the script as one that only reads: it is run by EVAL_RO, so
// that the server refuses writes, replicas accept it, and it may be repeated.
func (s *Script[T]) ReadOnly() *Script[T] {
	c := *s
	c.readOnly = true
	return &c
}

// Idempotent returns the script as one that leaves the same state when it runs
// twice with the same arguments: a client that retries may then send it again
// although it may have been executed. See [Cmd.Idempotent].
func (s *Script[T]) Idempotent() *Script[T] {
	c := *s
	c.again = true
	return &c
}

// Source returns the text of the script.
func (s *Script[T]) Source() string { return s.src }

// Hash returns the SHA-1 of the source, in hexadecimal, as EVALSHA takes it.
func (s *Script[T]) Hash() string { return s.sha }

// Do runs the script by its hash, and by its source if the server does not know
// it. args are as in [New].
//
// That the server does not know it is told by the server's whole sentence. A script
// with the word NOSCRIPT in its source, which may answer that of its own accord, is
// always sent with its source, and where the word is in a key or an argument, SCRIPT
// EXISTS is asked before it is sent again, unless it only reads or is Idempotent: neither
// is run twice. If that question fails, the script may have been executed, and the error
// says so. A script must not make the sentence up from pieces, or from what is stored.
func (s *Script[T]) Do(ctx context.Context, d Doer, keys []string, args ...any) (T, error) {
	a, err := argsOf(args)
	if err != nil {
		return s.Eval(nil).fail(err).Do(ctx, d)
	}
	return s.Run(ctx, d, keys, a...)
}

// Run is [Script.Do] for arguments that need no boxing.
func (s *Script[T]) Run(ctx context.Context, d Doer, keys []string, args ...resp.Arg) (T, error) {
	if s.whole {
		return s.Eval(keys, args...).Do(ctx, d)
	}
	v, err := s.EvalSha(keys, args...).Do(ctx, d)
	e, ok := errors.AsType[*resp.Error](err)
	if !ok || !e.UnknownScript() {
		return v, err
	}
	if s.readOnly || s.again || !s.mayQuote(keys, args) {
		return s.Eval(keys, args...).Do(ctx, d)
	}
	known, err := ScriptExists(s.sha).Do(ctx, d)
	switch {
	case err != nil:
		err = &conn.Error{Op: conn.OpWait, Step: "SCRIPT EXISTS", Class: conn.ClassMaybeExecuted, Err: err}
		return v, fmt.Errorf("redis: EVALSHA: NOSCRIPT, which may be the script's own answer: %w", err)
	case len(known) != 1 || known[0]: // what has run, it knows
		return v, e.InReply()
	}
	return s.Eval(keys, args...).Do(ctx, d)
}

const noScript = "NOSCRIPT"

// mayQuote reports whether the script can have its NOSCRIPT from what it was given.
func (s *Script[T]) mayQuote(keys []string, args []resp.Arg) bool {
	if !s.errs {
		return false
	}
	return slices.ContainsFunc(keys, func(k string) bool { return strings.Contains(k, noScript) }) ||
		slices.ContainsFunc(args, func(a resp.Arg) bool { return strings.Contains(a.String(), noScript) })
}

// Queue appends the script to p. A flush of the pipeline carries the source of
// each script once, in front; so it works on any server, and inside
// [Pipeline.Exec]. A script that may answer NOSCRIPT of its own accord, as in [Script.Do],
// is sent with its source each time.
//
// If the server changes in the middle of a flush, the new one may not know a
// script that the old one was sent. It is then sent again, unless other commands
// have run behind it, or it was given the word NOSCRIPT: then its future is [ErrNoScript],
// and it has not run.
func (s *Script[T]) Queue(p *Pipeline, keys []string, args ...any) Future[T] {
	a, err := argsOf(args)
	if err != nil {
		return s.Eval(nil).fail(err).Queue(p)
	}
	return s.QueueArgs(p, keys, a...)
}

// QueueArgs is [Script.Queue] for arguments that need no boxing.
func (s *Script[T]) QueueArgs(p *Pipeline, keys []string, args ...resp.Arg) Future[T] {
	if s.whole || s.mayQuote(keys, args) {
		return s.Eval(keys, args...).Queue(p)
	}
	if p.source(s.sha) != "" {
		return s.EvalSha(keys, args...).Queue(p)
	}
	odd := p.oddReplies()
	odd.scripts = append(odd.scripts, scriptSource{s.sha, s.src})
	return s.Eval(keys, args...).Queue(p)
}

// scriptSource is a script that a pipeline has queued with its source.
type scriptSource struct{ sha, src string }

// source returns the source of a script that this flush carries, else "".
func (p *Pipeline) source(sha string) string {
	if p.odd == nil {
		return ""
	}
	for _, s := range p.odd.scripts {
		if s.sha == sha {
			return s.src
		}
	}
	return ""
}

// repeatScripts runs those at the end of the batch again that the server did not
// know, with their sources.
func (p *Pipeline) repeatScripts(ctx context.Context, d Doer) error {
	from := p.ran
	for from > p.base && p.unknownScript(from-1) {
		from--
	}
	if from == p.ran {
		return nil
	}
	var again resp.Batch
	again.Follow(from)
	defer again.Free()
	var carried []string
	for i := from; i < p.ran; i++ {
		p.store.places[i] = place{}
		cmd := p.queued.Command(i - p.base)
		if sha := cmd.Arg(0).String(); !slices.Contains(carried, sha) {
			carried = append(carried, sha)
			cmd = withSource(cmd, p.source(sha))
		}
		again.Add(&cmd)
	}
	p.base = from
	return p.send(ctx, d, &again)
}

// unknownScript reports whether command i is a script of this flush that the
// server did not know.
func (p *Pipeline) unknownScript(i int) bool {
	v, _ := p.reply(i)
	cmd := p.queued.Command(i - p.base)
	name := cmd.Name()
	e, ok := errors.AsType[*resp.Error](v.Err())
	return ok && (name == "EVALSHA" || name == "EVALSHA_RO") && e.UnknownScript() &&
		p.source(cmd.Arg(0).String()) != "" && !quotes(&cmd)
}

// quotes reports whether a script may have its NOSCRIPT from an argument: it is not run
// again then.
func quotes(c *resp.Command) bool {
	for i := range c.NArgs() {
		if strings.Contains(c.Arg(i).String(), noScript) {
			return true
		}
	}
	return false
}

// withSource makes EVAL of EVALSHA.
func withSource(c resp.Command, src string) resp.Command {
	args := make([]resp.Arg, c.NArgs())
	for i := range args {
		args[i] = c.Arg(i)
	}
	args[0] = resp.String(src)
	eval := resp.NewCommand(strings.Replace(c.Name(), "EVALSHA", "EVAL", 1), args...)
	if d, timed := c.Timeout(); timed {
		eval = eval.WithTimeout(d)
	}
	return eval.WithFlags(c.Flags())
}

// Eval returns the script as one command that carries its source.
func (s *Script[T]) Eval(keys []string, args ...resp.Arg) Cmd[T] {
	if s.readOnly {
		return EvalRO(s.decode, s.src, keys, args...)
	}
	return s.flagged(Eval(s.decode, s.src, keys, args...))
}

// EvalSha returns the script as one command that carries its hash. It fails with
// [ErrNoScript] on a server that does not know the script.
func (s *Script[T]) EvalSha(keys []string, args ...resp.Arg) Cmd[T] {
	if s.readOnly {
		return EvalShaRO(s.decode, s.sha, keys, args...)
	}
	return s.flagged(EvalSha(s.decode, s.sha, keys, args...))
}

func (s *Script[T]) flagged(c Cmd[T]) Cmd[T] {
	if s.again {
		return c.Idempotent()
	}
	return c
}

// Load makes the server know the script.
//
// See https://redis.io/commands/script-load.
func (s *Script[T]) Load() Cmd[string] { return ScriptLoad(s.src) }
