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

// unmatched says whether cmd has no reply of its own, or many: it would shift
// the replies of everybody behind it.
func unmatched(cmd *resp.Command) bool {
	word, sub, two := strings.Cut(strings.ToUpper(cmd.Name()), " ")
	if !two && cmd.NArgs() > 0 {
		sub = cmd.Arg(0).String()
	}
	switch word {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
		"MONITOR", "SYNC", "PSYNC":
		return true
	case "CLIENT":
		return strings.EqualFold(sub, "REPLY")
	}
	return false
}
