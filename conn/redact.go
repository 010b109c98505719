package conn

import (
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// hidden stands for what is not shown.
const hidden = "***"

// leastPrefix is from how many bytes the beginning of a secret is hidden too: servers
// cut what they repeat.
const leastPrefix = 4

// redacted returns an error reply to a command that carried secrets without what the
// server repeats of it: "ERR unknown command 'AUTH', with args beginning with: 's3cret'".
func redacted(e *resp.Error, secrets ...string) *resp.Error {
	if knownRefusal(e) {
		return e
	}
	clean := *e
	if i := indexFold(clean.Message, "args beginning with"); i >= 0 {
		clean.Message = clean.Message[:i] + "args " + hidden
	}
	for _, s := range secrets {
		clean.Message = hide(clean.Message, s)
		if clean.Code != "ERR" && strings.EqualFold(clean.Code, s) {
			clean.Code, clean.Message = "", hidden
		}
	}
	return &clean
}

// hide cuts text where secret, or the beginning of it, is repeated in it.
func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	part := secret[:min(len(secret), leastPrefix)]
	if i := indexFold(text, part); i >= 0 {
		return text[:i] + hidden
	}
	return text
}

// indexFold returns where part begins in text, in whichever case, or -1. An index into
// strings.ToLower(text) would be another one: that has other bytes for what is no UTF-8.
func indexFold(text, part string) int {
	for i := 0; i+len(part) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// knownRefusal reports whether e is a sentence of Redis by which it refuses
// credentials: it repeats nothing, but may happen to hold the password.
func knownRefusal(e *resp.Error) bool {
	switch e.Error() {
	case "WRONGPASS invalid username-password pair or user is disabled.",
		"WRONGPASS invalid username-password pair",
		"NOAUTH Authentication required.",
		"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
		"ERR invalid password",
		"ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
		"ERR Client sent AUTH, but no password is set",
		"ERR max number of clients reached":
		return true
	}
	return strings.HasPrefix(e.Error(), "DENIED Redis is running in protected mode because ")
}
