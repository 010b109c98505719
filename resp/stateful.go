package resp

import "strings"

// shortestStateful is how long the name of a stateful command is at least.
const shortestStateful = len("AUTH")

// IsStateful reports whether the named command changes what its connection is to
// the commands behind it (the database, the user, the protocol, a transaction,
// a subscription, field sets of HIMPORT, whether and what it answers) or ends it. Such a command must not
// be sent on a connection that others share. Case does not matter. It allocates
// nothing. [Command.Stateful] also knows a second word that is an argument.
//
// SHUTDOWN is none: it ends the server, for everybody. CLIENT SETNAME and SETINFO
// are none either: they change no reply but CLIENT's own.
func IsStateful(name string) bool {
	if len(name) < shortestStateful {
		return false
	}
	word, sub, _ := strings.Cut(name, " ")
	return stateful(word, sub)
}

// Stateful reports whether the command is one of those of [IsStateful], also if
// its second word is the first argument: CLIENT with REPLY. It allocates nothing.
func (c *Command) Stateful() bool {
	if len(c.name) < shortestStateful {
		return false
	}
	if c.space > 0 {
		return stateful(c.name[:c.space], c.name[c.space+1:])
	}
	var sub string
	if c.inline > 0 && !c.args[0].isNumber() {
		sub = c.args[0].text()
	}
	return stateful(c.name, sub)
}

// statefulWords are the words of [IsStateful] without a second one, by their first letter.
var statefulWords = [256][]string{
	'a': {"AUTH", "ASKING"},
	'd': {"DISCARD"},
	'e': {"EXEC"},
	'h': {"HELLO", "HIMPORT"},
	'm': {"MULTI", "MONITOR"},
	'p': {"PSUBSCRIBE", "PUNSUBSCRIBE", "PSYNC"},
	'q': {"QUIT"},
	'r': {"RESET", "READONLY", "READWRITE", "REPLCONF"},
	's': {"SELECT", "SUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE", "SYNC"},
	'u': {"UNSUBSCRIBE", "UNWATCH"},
	'w': {"WATCH"},
}

// stateful is asked of every command: it looks at the first letter, then at
// lengths, and only then at words.
func stateful(word, sub string) bool {
	if len(word) < shortestStateful {
		return false
	}
	letter := word[0] | 0x20
	for _, w := range statefulWords[letter] {
		if equal(word, w) {
			return true
		}
	}
	switch letter {
	case 'c':
		return equal(word, "CLIENT") && clientState(sub)
	case 's':
		return equal(word, "SCRIPT") && equal(sub, "DEBUG")
	}
	return false
}

// clientState knows the subcommands of CLIENT whose effect stays.
func clientState(sub string) bool {
	switch len(sub) {
	case 4:
		return equal(sub, "CAPA")
	case 5:
		return equal(sub, "REPLY")
	case 7:
		return equal(sub, "CACHING")
	case 8:
		return equal(sub, "TRACKING") || equal(sub, "NO-EVICT") || equal(sub, "NO-TOUCH")
	case 13:
		return equal(sub, "IMPORT-SOURCE")
	}
	return false
}
