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
		case "ACL", "CONFIG", "SENTINEL":
			name += " " + strings.ToUpper(c.Arg(0).String())
			words = 1
		}
	}
	switch name {
	case "AUTH":
		return words
	case "ACL SETUSER":
		return words + 1
	case "SENTINEL SET":
		return words + 2
	case "CONFIG SET":
		return firstPassword(c, words)
	case "SENTINEL CONFIG": // SET
		return firstPassword(c, words+1)
	case "HELLO", "MIGRATE":
		return afterAuth(c)
	}
	return c.NArgs()
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
