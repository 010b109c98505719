package conn

import (
	"strings"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
)

// taint is what stateful commands have done to a connection. It needs no lock.
type taint struct{ marks atomic.Uint32 }

// The marks of a taint.
const (
	watched uint32 = 1 << iota // WATCH without EXEC, DISCARD or UNWATCH since
	inMulti                    // MULTI without EXEC or DISCARD since
	altered                    // anything else; it can't be undone
)

// note records a stateful command as it is sent. It reports false, and has recorded
// nothing, if the name is none of those around a transaction in capitals.
func (t *taint) note(name string) bool {
	switch name {
	case "WATCH":
		t.marks.Or(watched)
	case "MULTI":
		t.marks.Or(inMulti)
	case "UNWATCH":
		if t.marks.Load()&inMulti == 0 {
			t.marks.And(^watched)
		}
	case "EXEC", "DISCARD":
		if t.marks.Load()&inMulti != 0 {
			t.marks.And(^(watched | inMulti))
		}
	default:
		return false
	}
	return true
}

// noteAny is note for any name.
func (t *taint) noteAny(name string) {
	if !t.note(strings.ToUpper(name)) {
		t.alter()
	}
}

// alter notes what can't be undone.
func (t *taint) alter() { t.marks.Or(altered) }

func (t *taint) isAltered() bool { return t.marks.Load()&altered != 0 }

func (t *taint) dirty() bool { return t.marks.Load() != 0 }

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
