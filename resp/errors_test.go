package resp_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

func TestErrorRepliesProveWhatTheTableSays(t *testing.T) {
	const (
		unknown = iota
		refused
		rejected
	)
	for text, want := range map[string]int{
		"READONLY You can't write against a read only replica.":                                                                           rejected,
		"READONLY You can't write against a read only replica. script: abc, on @user_script:1.":                                           unknown,
		"ERR Error running script (call to f_x): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.": unknown,
		"LOADING Redis is loading the dataset in memory":                                                                                  rejected,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":                                                rejected,
		"CLUSTERDOWN The cluster is down":                                                                                                 rejected,
		"TRYAGAIN Multiple keys request during rehashing of slot":                                                                         rejected,
		"NOREPLICAS Not enough good replicas to write.":                                                                                   rejected,
		"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)":                                    rejected,
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.":                                          rejected,
		"EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.":                               rejected,
		"EXECABORT Transaction discarded because of previous errors.":                                                                     rejected,
		"ERR max number of clients reached":                                                                                               rejected,
		"NOAUTH Authentication required.":                                                                                                 refused,
		"WRONGPASS invalid username-password pair or user is disabled.":                                                                   refused,
		"NOPERM User x has no permissions to run the 'get' command":                                                                       refused,
		"NOPERM x script: abc, on @user_script:1.":                                                                                        unknown,
		"OOM command not allowed when used memory > 'maxmemory'.":                                                                         refused,
		"MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.": refused,
		"NOSCRIPT No matching script.":                                            refused,
		"MOVED 1 127.0.0.1:1":                                                     refused,
		"NOPROTO unsupported protocol version":                                    refused,
		"ERR unknown command 'x', with args beginning with: ":                     refused,
		"ERR wrong number of arguments for 'get' command":                         refused,
		"WRONGTYPE Operation against a key holding the wrong kind of value":       unknown,
		"ERR value is not an integer or out of range":                             unknown,
		"ERR Error running script (call to f_x): @user_script:1: unknown command": unknown,
		// What scripts say themselves, and what they have met on their way.
		"BUSY the lock is held":           unknown,
		"BUSY Redis is busy":              unknown,
		"LOADING the cache is cold":       unknown,
		"READONLY this account is frozen": unknown,
		"MASTERDOWN x":                    unknown,
		"NOSCRIPT mine":                   unknown,
		"NOREPLICAS":                      unknown,
		"OOM the basket is full":          unknown,
		"MOVED to the new office":         unknown,
		"MOVED 1 to: 7":                   unknown,
		"NOAUTH sign in first":            unknown,
		"NOPERM not yours":                unknown,
		"NOPERM this user has no permissions to edit document 7":                              unknown,
		"NOPERM User ada has no permissions to edit document 7":                               unknown,
		"NOPERM this user has no permissions to run the show tonight":                         unknown,
		"NOPERM User of the shop has no permissions to run the 'buy' command":                 unknown,
		"LOADING tenant 7 is loading the dataset in memory":                                   unknown,
		"BUSY printer 7 is busy running a module command.":                                    unknown,
		"MISCONF tenant 7 is configured to save RDB snapshots, but it does not.":              unknown,
		"NOPERM this user has no permissions to run the 'get' command":                        refused,
		"NOPERM this user has no permissions to run the 'get' command or its subcommand":      refused,
		"NOPERM this user has no permissions to access one of the keys used as arguments":     refused,
		"NOPERM this user has no permissions to access one of the channels used as arguments": refused,
		"NOPERM User x has no permissions to run the 'config|get' command":                    refused,
		"NOPERM User x has no permissions to access the 'a key' key":                          refused,
		"NOPERM User x has no permissions to access the 'news' channel":                       refused,
		"NOPERM User x has no permissions to access database 3":                               refused,
		"EXECABORT x":                            unknown,
		"UNBLOCKED x":                            unknown,
		"ERR unknown command":                    unknown,
		"ERR max number of clients of this shop": unknown,
		"OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:1.": unknown,
		"NOREPLICAS Not enough good replicas to write. script: on @user_script:1.":                unknown, // Valkey 9.1
		"LOADING Redis is loading the dataset in memory script: f, on @user_function:3.":          unknown,

		// Other makes and versions.
		"LOADING Valkey is loading the dataset in memory":                                            rejected,
		"BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.":  rejected,
		"BUSY Redis is busy running a module command.":                                               rejected,
		"READONLY You can't write against a read only slave.":                                        rejected,
		"READONLY Can not run script with write flag on readonly replica":                            rejected,
		"NOSCRIPT No matching script. Please use EVAL.":                                              refused,
		"OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'": refused,
		"UNBLOCKED client unblocked via CLIENT UNBLOCK":                                              refused,
		"ERR unknown command `X`, with args beginning with: `a`, ":                                   refused,
		"":                       unknown,
		"readonly you can't":     unknown,
		"READONLYX":              unknown,
		"no code and no meaning": unknown,
	} {
		e := resp.ParseError(text)
		got := unknown
		switch {
		case e.Rejected() && e.Refused():
			got = rejected
		case e.Refused():
			got = refused
		case e.Rejected():
			t.Errorf("%q is rejected but not refused", text)
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
		if e.Error() != text {
			t.Errorf("%q became %q", text, e.Error())
		}
	}
}

// Looking back, it would take hours.
func TestALongErrorIsComparedInOnePass(t *testing.T) {
	for _, text := range []string{
		"ERR unknown subcommand '" + strings.Repeat("'. Try ", 1<<20),
		"NOPERM User ada has no permissions to access the '" + strings.Repeat("' key", 1<<20) + " ",
	} {
		if resp.ParseError(text).Refused() {
			t.Errorf("%.60q is refused", text)
		}
	}
}

func TestACodeIsEnoughOfACommandThatRunsNobodysCode(t *testing.T) {
	const text = "LOADING a server of another make is waking up"
	for name, want := range map[string]bool{
		"GET": true, "set": true, "CONFIG GET": true, "SENTINEL MASTERS": true, "MULTI": true, "EXEC": true, "BLPOP": true,
		"EVAL": false, "eval_ro": false, "EVALSHA": false, "EVALSHA_RO": false, "FCALL": false, "fcall_ro": false,
		"JSON.SET": false, "FT.SEARCH": false, "VADD": false, "MYMODULECOMMAND": false, "DEBUG": false, "": false,
	} {
		c := resp.NewCommand(name)
		e := resp.ParseError(text).AnswerTo(&c)
		if e.Rejected() != want || e.Refused() != want {
			t.Errorf("%s: rejected %v, refused %v", name, e.Rejected(), e.Refused())
		}
		if e.Error() != text || !errors.Is(e, &resp.Error{Code: "LOADING"}) {
			t.Errorf("%s: %v", name, e)
		}
	}
	pop := resp.NewCommand("BLPOP")
	if e := resp.ParseError("UNBLOCKED client unblocked via CLIENT UNBLOCK").AnswerTo(&pop); e.Rejected() || !e.Refused() {
		t.Error("a call that somebody has freed would wait again")
	}
	eval := resp.NewCommand("EVAL")
	if e := resp.ParseError("READONLY mine").AnswerTo(&eval); e.IsReadOnly() {
		t.Error("a script's own READONLY is taken for a demotion")
	}
	if e := resp.ParseError("READONLY You can't write against a read only replica. script: a, on @user_script:1.").AnswerTo(&eval); !e.IsReadOnly() || e.Refused() {
		t.Error("what a script has met: news of the server, and not a refusal")
	}
}

// A script may return what redis.pcall has met, to the letter, after it has written.
func TestWhatNamesAnotherCommandIsNoRefusalOfAScript(t *testing.T) {
	for text, of := range map[string]map[string]bool{
		"ERR wrong number of arguments for 'hset' command":                {"EVAL": false, "EVALSHA": false, "FCALL_RO": false, "JSON.SET": false, "HSET": true},
		"ERR wrong number of arguments for 'eval' command":                {"EVAL": true, "eval": true, "EVALSHA": false, "FCALL": false},
		"ERR wrong number of arguments for 'ft.config|set' command":       {"FT.CONFIG SET": true, "FT.CONFIG": true, "EVAL": false},
		"ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.":               {"EVAL": false, "OBJECT ENCODING": true}, // Valkey 9.1
		"ERR unknown command 'FCALL', with args beginning with: 'f' '0' ": {"FCALL": true, "EVAL": false},
		"ERR unknown command `evalsha_ro`, with args beginning with: ":    {"EVALSHA_RO": true, "EVAL": false},
		"ERR unknown command '":                                           {"EVAL": false},
		"NOSCRIPT No matching script. Please use EVAL.":                   {"EVALSHA": true, "evalsha_ro": true, "EVAL": false, "EVAL_RO": false, "FCALL": false, "SCRIPT": true},
		"ERR unknown subcommand '":                                        {"EVAL": false},
	} {
		for name, want := range of {
			c := resp.NewCommand(name)
			if e := resp.ParseError(text).AnswerTo(&c); e.Refused() != want || e.Error() != text {
				t.Errorf("%q to %s: refused %v", text, name, e.Refused())
			}
		}
	}
}

func TestAnErrorInsideAReplyProvesNothing(t *testing.T) {
	get := resp.NewCommand("GET")
	for _, text := range []string{
		"READONLY You can't write against a read only replica.", "NOSCRIPT No matching script.", "OOM x",
		"ERR unknown command 'x', with args beginning with: ",
	} {
		e := resp.ParseError(text).InReply()
		if e.Rejected() || e.Refused() || e.UnknownScript() || e.AnswerTo(&get).Refused() || e.Error() != text {
			t.Errorf("%q is taken for a refusal", text)
		}
	}
}

func TestDemotionIsFoundInTheErrorsOfScriptsAndTransactions(t *testing.T) {
	for text, want := range map[string]bool{
		"READONLY You can't write against a read only replica.":                                             true,
		"EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.": true,
		"ERR Error running script (call to f_x): @user_script:1: -READONLY You can't write against":         true,
		"EXECABORT Transaction discarded because of previous errors.":                                       false,
		"ERR READONLY": false,
		"ERR -READONLY You can't write, says a user's script": false,
		"MASTERDOWN Link with MASTER is down":                 false,
	} {
		if got := resp.ParseError(text).IsReadOnly(); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestErrorsAreMatchedByCodeAndMessage(t *testing.T) {
	err := resp.Value("-WRONGTYPE Operation against a key\r\n").Err()
	for target, want := range map[*resp.Error]bool{
		{Code: "WRONGTYPE"}: true,
		{Code: "WRONGTYPE", Message: "Operation against a key"}: true,
		{Code: "WRONGTYPE", Message: "other"}:                   false,
		{Code: "ERR"}:                                           false,
		{}:                                                      false,
	} {
		if errors.Is(err, target) != want {
			t.Errorf("%q: %v", target.Error(), !want)
		}
	}
	if errors.Is(err, resp.ErrNull) || errors.Is(err, resp.ErrProtocol) {
		t.Error("an error reply matches another error")
	}
}

func TestErrorTextsHoldNoneOfTheBytes(t *testing.T) {
	v := resp.Value("$6\r\nsecret\r\n")
	_, err := v.Int()
	if err == nil || err.Error() != "resp: not a valid integer: bulk string" {
		t.Error(err)
	}
	s := resp.NewScanner(resp.Limits{})
	if _, err := s.Scan([]byte(":secret\r\n")); err == nil || err.Error() != "resp: at byte 0: malformed integer" {
		t.Error(err)
	}
}

type releases int

func (r *releases) ReleaseReply() { *r++ }

func TestAReplyIsGivenBackToItsOwner(t *testing.T) {
	var owner releases
	r := resp.NewReply(resp.Value(":7\r\n"), &owner)
	if n, err := r.Int(); n != 7 || err != nil {
		t.Error(n, err)
	}
	r.Release()
	resp.NewReply(nil, nil).Release()
	resp.Reply{}.Release()
	if owner != 1 {
		t.Error(owner)
	}
}

// keeps is an owner that lets the bytes go, or not, and may have put them elsewhere.
type keeps struct {
	releases
	lets   bool
	placed int
}

func (k *keeps) KeepReply() bool { return k.lets }

func (k *keeps) PlacedReply() (n int, ok bool) { return k.placed, k.placed > 0 }

func TestAReplyIsKeptOnlyWhereItsOwnerLetsItGo(t *testing.T) {
	v := resp.Value(":7\r\n")
	var plain releases
	for _, c := range []struct {
		r      resp.Reply
		keep   bool
		placed int
	}{
		{resp.Reply{Value: v}, false, 0}, {resp.NewReply(v, nil), false, 0}, {resp.NewReply(v, &plain), false, 0},
		{resp.NewReply(v, &keeps{}), false, 0}, {resp.NewReply(v, &keeps{lets: true}), true, 0}, {resp.NewReply(v, &keeps{placed: 9}), false, 9},
	} {
		n, ok := c.r.Placed()
		if got := c.r.Keep(); got != c.keep || n != c.placed || ok != (c.placed > 0) || plain != 0 {
			t.Errorf("%v, want %v; placed %d, %v; released %d times", got, c.keep, n, ok, plain)
		}
	}
}

func TestAppendedRepliesAreRead(t *testing.T) {
	b := resp.AppendText(nil, "O\rK\n")
	b = resp.AppendError(b, "ERR a\r\nb")
	b = resp.AppendBulkError(b, "ERR a\r\nb")
	b = resp.AppendBig(b, "123")
	b = resp.AppendVerbatim(b, "txt", []byte("v"))
	b = resp.AppendNull(resp.AppendNullBulk(resp.AppendNullArray(b)))
	b = resp.AppendBool(resp.AppendBool(b, true), false)
	b = resp.AppendBulk(resp.AppendSet(b, 1), "m")
	b = resp.AppendInt(resp.AppendPush(b, 1), -1)
	b = resp.AppendDouble(resp.AppendMap(b, 1), 1e21)
	b = resp.AppendInt(resp.AppendAttribute(b, 0), 5)
	b = resp.AppendArray(b, 0)
	want := `simple "O K "; err ERR "a  b"; err ERR "a\r\nb"; big 123; verbatim txt "v"; nil; nil; nil; true; false; ~[bulk "m"]; >[int -1]; {double 1e+21: attr{} int 5}; []`
	if got := readAll(bytes.NewReader(b)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
