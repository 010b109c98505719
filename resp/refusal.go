package resp

import (
	"strconv"
	"strings"
)

// AnswerTo returns e as the answer to c. It knows then whether its code can only be
// the server's own: scripts, functions and the commands of modules run code of their
// users, which may answer with any text, after it has written. Of them, and of an
// error whose command is unknown, only a whole sentence of the server counts as a
// refusal, and none that names another command; of the other commands the code does.
// e itself does not change.
//
// The errors that package redis returns are answers to their commands.
func (e *Error) AnswerTo(c *Command) *Error {
	switch {
	case e.by != unknown:
		return e
	case c.core():
		return &Error{Code: e.Code, Message: e.Message, by: core}
	case e.namesAnother(c), e.Code == "NOSCRIPT" && !c.byHash():
		return e.InReply() // only a hash can be unknown
	}
	return e
}

// InReply returns e as an error that stands inside a reply, as in the list that a
// script returns: whatever it says, the command has been executed. The decoders of
// package redis return such errors.
func (e *Error) InReply() *Error { return &Error{Code: e.Code, Message: e.Message, by: script} }

// speaker is whose words an error may be.
type speaker uint8

const (
	unknown speaker = iota
	core            // the server's alone: it answers a command that runs nobody's code
	script          // of what has run, certainly
)

// namesAnother reports whether e complains of another command than c, which is then
// one that a script has called: "ERR wrong number of arguments for 'hset' command" in
// answer to EVAL.
func (e *Error) namesAnother(c *Command) bool {
	if e.Code != "ERR" {
		return false
	}
	own, _, _ := strings.Cut(c.name, " ")
	for _, before := range [...]string{"wrong number of arguments for '", "unknown command '", "unknown command `"} {
		if name, ok := strings.CutPrefix(e.Message, before); ok {
			name = name[:max(0, strings.IndexAny(name, "'`"))]
			name, _, _ = strings.Cut(name, "|")
			name, _, _ = strings.Cut(name, " ")
			return !strings.EqualFold(name, own)
		}
	}
	if strings.HasPrefix(e.Message, "unknown subcommand '") {
		_, name, _ := strings.Cut(e.Message, "'. Try ")
		name, _, _ = strings.Cut(name, " ")
		return !strings.EqualFold(name, own)
	}
	return false
}

// byHash reports whether the command runs a script by its hash, which may be unknown.
func (c *Command) byHash() bool {
	return strings.EqualFold(c.name, "EVALSHA") || strings.EqualFold(c.name, "EVALSHA_RO")
}

// core reports whether the command is one of the server's own.
func (c *Command) core() bool {
	word := c.name
	if c.space > 0 {
		word = word[:c.space]
	}
	var buf [maxName]byte
	return len(word) <= len(buf) && isCore(upper(buf[:0], word))
}

// Rejected reports whether the reply proves that the server did not execute the
// command because of the state it was in, so that the same command may work
// elsewhere or later. Any command may be sent again then. See the table in the
// package's documentation, and [Error.AnswerTo] for what a script says itself.
//
// Two cases are up to the caller: after WAIT and WAITAOF, UNBLOCKED says nothing
// about the writes before; and EXECABORT is about a whole transaction, which is
// to be queued anew.
func (e *Error) Rejected() bool { return e.proves() == provesRejected }

// Refused reports whether the reply proves that the server did not execute the
// command, for whatever reason: whenever [Error.Rejected] does, and also where
// trying again as it is would not help (NOAUTH, NOPERM, OOM, NOSCRIPT, an unknown
// command). See the table in the package's documentation. False means unknown:
// most errors come from a command that changed nothing, but scripts pass on the
// error of a command in their middle, and answer with errors of their own.
func (e *Error) Refused() bool { return e.proves() != provesNothing }

// UnknownScript reports whether the server said that it does not know the script of
// an EVALSHA, which has not run then. A script that answers NOSCRIPT in words of its
// own has run.
func (e *Error) UnknownScript() bool { return e.Code == "NOSCRIPT" && e.proves() == provesRefused }

// IsReadOnly reports whether the server refused a write because it is a replica,
// which is how a client learns that a master has been demoted: the code READONLY,
// or the same inside the error of a script or of EXEC. It is about the server; what
// it proves of the command is what [Error.Rejected] reports: a script may have done
// something before.
func (e *Error) IsReadOnly() bool {
	switch e.Code {
	case "READONLY":
		if e.by == core {
			return true
		}
		own, _, _ := strings.Cut(e.Message, scriptTail)
		return (&Error{Code: e.Code, Message: own}).proves() == provesRejected
	case "ERR":
		return strings.HasPrefix(e.Message, "Error running script") &&
			strings.Contains(e.Message, "-READONLY You can't write")
	case "EXECABORT":
		return strings.Contains(e.Message, "because of: READONLY ")
	}
	return false
}

// scriptTail begins what the server adds to the error that ended a script:
// " script: <hash>, on @user_script:1.", in Valkey 9 without the hash. Whatever has
// it was met on the way.
const scriptTail = " script: "

// proof is what an error reply proves of its command.
type proof uint8

const (
	provesNothing  proof = iota
	provesRefused        // not executed
	provesRejected       // not executed, and may work elsewhere or later
)

func (e *Error) proves() proof {
	switch e.by {
	case core:
		return e.provesByCode()
	case script:
		return provesNothing
	}
	if strings.Contains(e.Message, scriptTail) {
		return provesNothing
	}
	if e.Code == "MOVED" || e.Code == "ASK" {
		return e.redirection()
	}
	for i := range sentences {
		if s := &sentences[i]; s.code == e.Code && matches(e.Message, s.text) {
			return s.proof
		}
	}
	return provesNothing
}

// redirection is for the answers of a cluster: "MOVED 3999 127.0.0.1:6381".
func (e *Error) redirection() proof {
	slot, addr, ok := strings.Cut(e.Message, " ")
	if _, err := strconv.ParseUint(slot, 10, 16); !ok || err != nil {
		return provesNothing
	}
	colon := strings.LastIndexByte(addr, ':')
	if _, err := strconv.ParseUint(addr[colon+1:], 10, 16); colon < 0 || err != nil {
		return provesNothing
	}
	return provesRefused
}

// provesByCode is for commands that run nobody's code: an error with one of these
// codes comes before they are executed, in whatever words a server says it.
func (e *Error) provesByCode() proof {
	switch e.Code {
	case "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "EXECABORT":
		return provesRejected
	case "UNBLOCKED":
		// A call that somebody has freed by CLIENT UNBLOCK, or whose stream is gone, is
		// not to wait again.
		if strings.HasPrefix(e.Message, "client unblocked") || strings.HasPrefix(e.Message, "the stream key") {
			return provesRefused
		}
		return provesRejected
	case "NOAUTH", "WRONGPASS", "NOPROTO", "NOPERM", "DENIED", "OOM", "MISCONF", "NOSCRIPT", "MOVED", "ASK",
		"CROSSSLOT", "INPROG", "NOGOODSLAVE", "NOMASTERLINK":
		return provesRefused
	case "ERR":
		if strings.HasPrefix(e.Message, "max number of clients") {
			return provesRejected
		}
		if refusedText(e.Message) {
			return provesRefused
		}
	}
	return provesNothing
}

// refusedText knows the messages by which Redis refuses a command that it could
// not even look at.
func refusedText(msg string) bool {
	for _, prefix := range [...]string{
		"unknown command", "unknown subcommand", "wrong number of arguments for", "Protocol error",
		"Can't execute '", "operation not permitted", "AUTH <password> called without any password",
		"invalid password", "MULTI calls can not be nested", "EXEC without MULTI", "DISCARD without MULTI",
		"WATCH inside MULTI",
	} {
		if strings.HasPrefix(msg, prefix) {
			return true
		}
	}
	return false
}

// matches reports whether text is the pattern, in which a star stands for anything, and
// a percent sign for anything without a space: behind it comes a space, or the last of the
// fixed text. A full stop at the end does not matter.
func matches(text, pattern string) bool {
	return fits(strings.TrimSuffix(text, "."), strings.TrimSuffix(pattern, "."))
}

// fits does not look back: a script may answer with megabytes.
func fits(text, pattern string) bool {
	i := strings.IndexAny(pattern, "*%")
	if i < 0 {
		return text == pattern
	}
	if !strings.HasPrefix(text, pattern[:i]) {
		return false
	}
	text, oneWord, pattern := text[i:], pattern[i] == '%', pattern[i+1:]
	end := strings.IndexAny(pattern, "*%")
	if end < 0 {
		filled, ok := strings.CutSuffix(text, pattern)
		return ok && !(oneWord && strings.Contains(filled, " "))
	}
	// The first place is as good as any: what is filled in next takes what is left.
	at := strings.Index(text, pattern[:end])
	if at < 0 || oneWord && strings.Contains(text[:at], " ") {
		return false
	}
	return fits(text[at:], pattern)
}
