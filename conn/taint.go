package conn

import (
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// taint is what stateful commands have done to a connection.
type taint struct {
	watched bool // WATCH without EXEC, DISCARD or UNWATCH since
	multi   bool // MULTI without EXEC or DISCARD since
	other   bool // anything else; it can't be undone
}

// note records a stateful command as it is sent.
func (t *taint) note(name string) {
	switch strings.ToUpper(name) {
	case "WATCH":
		t.watched = true
	case "MULTI":
		t.multi = true
	case "UNWATCH":
		t.watched = t.watched && t.multi
	case "EXEC", "DISCARD":
		if t.multi {
			t.watched, t.multi = false, false
		}
	default:
		t.other = true
	}
}

func (t *taint) dirty() bool { return t.watched || t.multi || t.other }

// stateful says whether cmd changes its connection. A command of two words may
// have been given as one word and an argument.
func stateful(cmd *resp.Command) bool {
	name := cmd.Name()
	if resp.IsStateful(name) {
		return true
	}
	if len(name) != len("CLIENT") || !strings.EqualFold(name, "CLIENT") || cmd.NArgs() == 0 {
		return false
	}
	return resp.IsStateful("CLIENT " + cmd.Arg(0).String())
}

// unmatched says whether cmd has no reply of its own, or many: it would shift
// the replies of everybody behind it.
func unmatched(cmd *resp.Command) bool {
	switch strings.ToUpper(cmd.Name()) {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
		"MONITOR", "SYNC", "PSYNC", "CLIENT REPLY":
		return true
	case "CLIENT":
		return cmd.NArgs() > 1 && strings.EqualFold(cmd.Arg(0).String(), "REPLY")
	}
	return false
}
