package redis

import (
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// How much of a command [Redacted] shows.
const (
	redactedArgs  = 8
	redactedBytes = 32
)

// Redacted returns a command as text for logs: long arguments and many of them
// cut short, and those that are passwords or may hold one replaced by stars.
func Redacted(c resp.Command) string {
	var b strings.Builder
	b.WriteString(c.Name())
	first := firstSecret(c)
	for i := range c.NArgs() {
		b.WriteByte(' ')
		switch {
		case i >= first:
			b.WriteString("***")
		case i == redactedArgs:
			b.WriteString("(" + strconv.Itoa(c.NArgs()-i) + " more)")
			return b.String()
		default:
			b.WriteString(shortened(c.Arg(i).String()))
		}
	}
	return b.String()
}

func shortened(s string) string {
	if len(s) <= redactedBytes {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:redactedBytes]) + "..." + strconv.Itoa(len(s)) + "B"
}

// firstSecret returns the index of the first argument to hide.
func firstSecret(c resp.Command) int {
	name := strings.ToUpper(c.Name())
	words := 0 // how many arguments belong to the name: New("CONFIG", "SET", ...)
	if sub := 0; c.NArgs() > sub && !strings.Contains(name, " ") {
		switch name {
		case "ACL", "CONFIG", "SENTINEL", "MODULE":
			name += " " + strings.ToUpper(c.Arg(0).String())
			words = 1
		}
	}
	if name == "SENTINEL CONFIG" && c.NArgs() > words {
		name += " " + strings.ToUpper(c.Arg(words).String())
		words++
	}
	return secretOf(c, name, words)
}

// secretOf returns the index of the first argument to hide of the command of this name,
// whose first arguments are words of it.
func secretOf(c resp.Command, name string, words int) int {
	switch name {
	case "AUTH":
		return words
	case "ACL SETUSER":
		return words + 1
	case "SENTINEL SET":
		return words + 2
	case "CONFIG SET":
		return firstPassword(c, words)
	case "SENTINEL CONFIG SET":
		return firstPassword(c, words)
	case "MODULE LOAD":
		return words + 1 // a path and what the module takes
	case "MODULE LOADEX":
		return words + 1
	case "ACL DRYRUN":
		return dryRun(c, words)
	case "HELLO", "MIGRATE":
		return afterAuth(c)
	}
	return c.NArgs()
}

// dryRun hides what is secret in the command that ACL DRYRUN is about.
func dryRun(c resp.Command, words int) int {
	at := words + 1 // behind the user
	if c.NArgs() <= at {
		return c.NArgs()
	}
	args := make([]resp.Arg, 0, c.NArgs())
	for i := at + 1; i < c.NArgs(); i++ {
		args = append(args, c.Arg(i))
	}
	return at + 1 + firstSecret(resp.NewCommand(c.Arg(at).String(), args...))
}

// firstPassword finds a parameter like requirepass, masterauth or tls-key-file-pass.
func firstPassword(c resp.Command, from int) int {
	for i := from; i < c.NArgs(); i += 2 {
		p := strings.ToLower(c.Arg(i).String())
		if strings.Contains(p, "pass") || strings.Contains(p, "auth") {
			return i + 1
		}
	}
	return c.NArgs()
}

func afterAuth(c resp.Command) int {
	for i := range c.NArgs() {
		switch strings.ToUpper(c.Arg(i).String()) {
		case "AUTH", "AUTH2":
			return i + 1
		}
	}
	return c.NArgs()
}

// withoutSecrets returns e without what the server repeats of the secret arguments of
// c: "unknown command 'AUTH', with args beginning with: 's3cret'".
func withoutSecrets(e *resp.Error, c *resp.Command) *resp.Error {
	first := firstSecret(*c)
	if first >= c.NArgs() {
		return e
	}
	msg := e.Message
	if head, _, ok := strings.Cut(msg, echoed); ok { // it may end in the middle of one
		msg = head + echoed + " ***"
	}
	for i := first; i < c.NArgs(); i++ {
		secret := c.Arg(i).String()
		if len(secret) < shortSecret {
			secret = "'" + secret + "'"
		}
		msg = strings.ReplaceAll(msg, secret, "***")
	}
	return &resp.Error{Code: e.Code, Message: msg}
}

const (
	// echoed begins what a server repeats of the arguments.
	echoed = "with args beginning with:"
	// shortSecret is the length below which a secret may be a part of any word: it is
	// looked for in quotes only.
	shortSecret = 3
)
