package redis

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// LogOptions are options of [Log]. The zero value logs all calls at level debug,
// those with errors at level warn, without arguments. What is normal counts as no error
// here: NOSCRIPT, after which the script is sent, a call that its caller has cancelled,
// and what the caller's own function returns from a lease.
type LogOptions struct {
	// Slow leaves out calls without an error that took less. Zero logs all.
	Slow time.Duration

	// Args adds the commands with their arguments, as [Redacted] shows them:
	// without passwords, but with your data.
	Args bool

	// Level is that of calls without an error. Nil is [slog.LevelDebug].
	Level slog.Leveler

	// ErrorLevel is that of calls with one. Nil is [slog.LevelWarn].
	ErrorLevel slog.Leveler
}

// Log returns an [Interceptor] that logs calls to l: name, number of commands,
// duration, attempts, and error with its class. A nil l is [slog.Default].
func Log(l *slog.Logger, o LogOptions) Interceptor {
	if l == nil {
		l = slog.Default()
	}
	if o.Level == nil {
		o.Level = slog.LevelDebug
	}
	if o.ErrorLevel == nil {
		o.ErrorLevel = slog.LevelWarn
	}
	return func(ctx context.Context, c Call) (context.Context, func(Outcome)) {
		return ctx, func(out Outcome) { o.log(ctx, l, c, out) }
	}
}

func (o LogOptions) log(ctx context.Context, l *slog.Logger, c Call, out Outcome) {
	level := o.Level.Level()
	if out.Err != nil && !normal(out) {
		level = o.ErrorLevel.Level()
	} else if out.Duration < o.Slow {
		return
	}
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("command", c.Name), slog.Duration("duration", out.Duration))
	if len(c.Commands) != 1 {
		attrs = append(attrs, slog.Int("commands", len(c.Commands)))
	}
	if o.Args && len(c.Commands) > 0 {
		attrs = append(attrs, slog.String("text", c.String()))
	}
	if out.Attempts > 1 {
		attrs = append(attrs, slog.Int("attempts", out.Attempts))
	}
	if out.Err != nil {
		attrs = append(attrs, slog.String("error", out.Err.Error()), slog.String("class", out.Class.String()))
	}
	if out.Errors > 0 && len(c.Commands) > 1 {
		attrs = append(attrs, slog.Int("errors", out.Errors))
	}
	l.LogAttrs(ctx, level, "redis", attrs...)
}

// normal reports whether an error is no reason for anybody to look.
func normal(out Outcome) bool {
	e, ok := errors.AsType[*resp.Error](out.Err)
	return out.Callback || errors.Is(out.Err, context.Canceled) || ok && e.UnknownScript() && out.Errors <= 1
}
