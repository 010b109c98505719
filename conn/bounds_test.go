package conn

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

func TestABlockingCommandAddsItsTimeToTheReadTimeout(t *testing.T) {
	for _, test := range []struct {
		timeout, wait time.Duration
		said          bool
		want          time.Duration
	}{
		{time.Second, 2 * time.Second, true, 3 * time.Second},
		{time.Second, 1, true, time.Second + 1},
		{time.Second, 0, true, 0}, // for ever
		{time.Second, -1, true, 0},
		{time.Second, 2 * time.Second, false, time.Second},
		{0, 2 * time.Second, true, 0}, // there is no read timeout
		{1, 2, true, 3},
	} {
		k := &call{timeout: test.timeout}
		if k.allow(test.wait, test.said); k.timeout != test.want {
			t.Errorf("%+v: %v", test, k.timeout)
		}
	}
}

func TestAConnectionIsCleanAfterWhatUndoesItsState(t *testing.T) {
	for commands, dirty := range map[string]bool{
		"":                         false,
		"WATCH":                    true,
		"WATCH UNWATCH":            false,
		"watch unwatch":            false,
		"UNWATCH":                  false,
		"MULTI":                    true,
		"MULTI EXEC":               false,
		"MULTI DISCARD":            false,
		"WATCH MULTI":              true,
		"WATCH MULTI EXEC":         false,
		"WATCH MULTI DISCARD":      false,
		"WATCH MULTI UNWATCH":      true, // it is queued
		"WATCH MULTI UNWATCH EXEC": false,
		"MULTI UNWATCH EXEC":       false,
		"WATCH EXEC":               true, // EXEC without MULTI is refused
		"WATCH DISCARD":            true,
		"SELECT":                   true,
		"SELECT MULTI EXEC":        true,
		"SELECT WATCH UNWATCH":     true,
	} {
		for _, spelled := range []string{commands, strings.ToLower(commands)} {
			var state taint
			for _, name := range strings.Fields(spelled) {
				if !state.note(name) {
					state.noteAny(name)
				}
			}
			if state.dirty() != dirty {
				t.Errorf("after %q: %v", spelled, state.dirty())
			}
		}
	}
}

func TestTheHeaderOfAStringIsReadAsAWholeOrNotAtAll(t *testing.T) {
	for text, want := range map[string]struct {
		size   int64
		header int
	}{
		"$0\r\n":                    {0, 4},
		"$3\r\nabc\r\n":             {3, 4},
		"$19\r\n":                   {19, 5},
		"$90\r\n":                   {90, 5},
		"$9223372036854775807\r\n":  {math.MaxInt64, 22},
		"$9223372036854775808\r\n":  {},
		"$99999999999999999999\r\n": {},
		"":                          {},
		"$":                         {},
		"$3":                        {},
		"$3\r":                      {},
		"$31\r":                     {},
		"$\r\nab":                   {},
		"$-1\r\n":                   {},
		"$?\r\n":                    {},
		"$1/\r\n":                   {},
		"$1:\r\n":                   {},
		"$12\rx":                    {},
		"$12x\n":                    {},
		"+12\r\n":                   {},
		"=15\r\ntx":                 {},
	} {
		if size, header := stringHeader([]byte(text)); size != want.size || header != want.header {
			t.Errorf("%q: size %d, header %d", text, size, header)
		}
	}
}

func TestOnlyAStringThatIsNotAllThereIsStreamed(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		size int64
		ok   bool
	}{
		{"$5\r\nhello\r\n", 100, 0, false},
		{"$5\r\nhello\r", 100, 5, true},
		{"$5\r\n", 100, 5, true},
		{"$5\r\n", 5, 5, true},
		{"$5\r\n", 4, 0, false}, // it is refused by who frames it
		{"$0\r\n\r\n", 100, 0, false},
		{"$0\r\n\r", 100, 0, true},
		{"+OK", 100, 0, false},
	} {
		in := &input{buf: []byte(test.text), w: len(test.text)}
		size, ok := in.longString(test.most)
		rest := test.text
		if ok {
			_, rest, _ = strings.Cut(rest, "\r\n")
		}
		if size != test.size || ok != test.ok || string(in.unread()) != rest {
			t.Errorf("%q of at most %d: %d, %v, then %q", test.text, test.most, size, ok, in.unread())
		}
	}
}

func TestABufferServesAReplyThatItFits(t *testing.T) {
	const size = 1 << 20
	const least = 932068 // less than an eighth of a smaller one would be kept for nothing
	for need, want := range map[int]bool{size + 1: false, size: true, size - 1: true, least: true, least - 1: false, 1: false} {
		l := &largeBuffers{open: true}
		l.admit(size)
		l.comeBack(make([]byte, size))
		buf, exact := l.find(need)
		if got := buf != nil; got != want || exact != want {
			t.Errorf("%d bytes: %v, exact %v", need, got, exact)
		}
		if want && (l.bytes != 0 || len(l.back) != 0) {
			t.Errorf("%d bytes: %d are still counted", need, l.bytes)
		}
	}
}

func TestTheBuffersOfLargeRepliesAreBounded(t *testing.T) {
	l := &largeBuffers{}
	l.find(1) // the connection is in use for large replies
	if l.admit(keepBig + 1) {
		t.Error("more than is kept")
	}
	if !l.admit(keepBig-1) || !l.admit(1) || l.admit(1) {
		t.Error("not just as much as is kept")
	}
	l.comeBack(make([]byte, keepBig-1))
	if !l.admit(2) {
		t.Error("what came back did not make room")
	}
	if buf, _ := l.find(keepBig - 1); buf != nil {
		t.Error("what made room is still there")
	}
	l.comeBack(make([]byte, 1))
	l.comeBack(make([]byte, 2))
	l.forget()
	if buf, _ := l.find(2); buf != nil {
		t.Error("it was not forgotten")
	}
	if !l.admit(keepBig) {
		t.Errorf("%d bytes are counted that are nowhere", l.bytes)
	}
	l.forget()
	l.comeBack(make([]byte, keepBig)) // of an idle connection
	if len(l.back) > 0 || !l.admit(keepBig) {
		t.Errorf("an idle connection keeps %d buffers, %d bytes", len(l.back), l.bytes)
	}
}

func TestTheLargerOfTwoBuffersIsKeptForTheNextReply(t *testing.T) {
	l := &largeBuffers{}
	for _, size := range []int{1000, 2000, 1500, keepBig + 1} {
		l.giveBack(make([]byte, size))
	}
	if buf, exact := l.take(2000); cap(buf) != 2000 || len(buf) != 2000 || exact {
		t.Errorf("%d of %d bytes, exact %v", len(buf), cap(buf), exact)
	}
	l.giveBack(make([]byte, keepBig))
	if buf, exact := l.take(keepBig + 1); len(buf) < keepBig+1 || !exact {
		t.Errorf("%d bytes, exact %v", len(buf), exact)
	}
	if l.kept != nil {
		t.Error("a buffer that was too small is kept for longer")
	}
	l.giveBack(make([]byte, keepBig))
	if buf, exact := l.take(keepBig); len(buf) != keepBig || exact {
		t.Errorf("%d bytes, exact %v", len(buf), exact)
	}
	l.close()
	if l.giveBack(make([]byte, 1000)); l.kept != nil {
		t.Error("a connection that is closed keeps a buffer")
	}
}

func TestPiecesAreCutAtAnySizeWithoutLosingAByte(t *testing.T) {
	texts := []string{"abc", "d", "efghi", "jk"}
	whole := strings.Join(texts, "")
	joined := func(pieces [][]byte) (text string) {
		for _, p := range pieces {
			text += string(p)
		}
		return text
	}
	for size := 1; size <= len(whole)+1; size++ {
		var pieces [][]byte
		for _, text := range texts {
			pieces = append(pieces, []byte(text))
		}
		first, later := split(pieces, size)
		n := min(size, len(whole))
		if joined(first) != whole[:n] || joined(later) != whole[n:] || joined(pieces) != whole {
			t.Errorf("%d bytes: %q and %q", size, first, later)
		}
	}
}

func TestAPeerIsKnownByItsFirstBytes(t *testing.T) {
	for head, want := range map[string]string{
		"":                     SpeaksOther,
		"\x14":                 SpeaksOther,
		"\x15":                 SpeaksTLS,
		"\x16":                 SpeaksTLS,
		"\x17":                 SpeaksOther,
		"HTTP":                 SpeaksHTTP,
		"HTT":                  SpeaksOther,
		"SSH-":                 SpeaksSSH,
		"ERROR":                SpeaksMemcached,
		"J\x00\x00\x00":        SpeaksOther,
		"J\x00\x00\x00\x0a":    SpeaksMySQL,
		"J\x00\x00\x00\x0b":    SpeaksOther,
		"J\x00\x00\x01\x0a":    SpeaksOther,
		"220":                  SpeaksOther,
		"220 ":                 SpeaksMail,
		"220-mail.example.com": SpeaksMail,
		"120 ":                 SpeaksMail,
		"554 ":                 SpeaksMail,
		"020 ":                 SpeaksOther,
		"620 ":                 SpeaksOther,
		"220+":                 SpeaksOther,
		"login: ":              SpeaksOther,
	} {
		if got := language([]byte(head)); got != want {
			t.Errorf("%q: %s", head, got)
		}
	}
}

func TestAPortIsBetween1And65535OrTheNameOfAService(t *testing.T) {
	for port, want := range map[string]bool{
		"1": true, "65535": true, "http": true, "0": false, "65536": false, "-1": false, "": false, "nosuchservice": false,
	} {
		if err := checkPort(port); (err == nil) != want {
			t.Errorf("%q: %v", port, err)
		}
	}
}

func TestWhatIsCutOfAnErrorThatRepeatsASecret(t *testing.T) {
	for _, test := range []struct{ code, message, secret, want string }{
		{"ERR", "no such thing: s3cret", "s3cret", "ERR no such thing: ***"},
		{"ERR", "s3cret", "s3cret", "ERR ***"},
		{"ERR", "it ends with s3cr", "s3cret", "ERR it ends with ***"},
		{"ERR", "it ends with s3c", "s3cret", "ERR it ends with s3c"},
		{"ERR", "an ab and a c", "c", "ERR an ab and a ***"},
		{"ERR", "no secret", "", "ERR no secret"},
		{"ERR", "what, with args beginning with: 'x'", "", "ERR what, with args ***"},
		{"S3CRET", "is no command", "s3cret", "***"},
		{"ERR", "x", "err", "ERR x"},
	} {
		e := redacted(&resp.Error{Code: test.code, Message: test.message}, test.secret)
		if got := strings.TrimSpace(e.Error()); got != test.want {
			t.Errorf("%s %s without %q: %q", test.code, test.message, test.secret, got)
		}
	}
	text := resp.Error{Code: "WRONGPASS", Message: "invalid username-password pair"}
	if got := redacted(&text, "pair"); *got != text {
		t.Errorf("a sentence of the server's own became %q", got)
	}
}

func TestOptionsThatAreZeroOrNegativeHaveTheirMeaning(t *testing.T) {
	o := Options{}.withDefaults()
	if o.Addr != DefaultAddr || o.DialTimeout != DefaultDialTimeout || o.ReadTimeout != DefaultReadTimeout ||
		o.MaxUnsent != DefaultMaxUnsent || o.MinProgress != DefaultMinProgress || o.KeepAlive != DefaultKeepAlive {
		t.Errorf("zero: %+v", o)
	}
	o = Options{DialTimeout: -1, ReadTimeout: -1, MaxUnsent: -1, MinProgress: -1, KeepAlive: -1}.withDefaults()
	if o.DialTimeout != 0 || o.ReadTimeout != 0 || o.MaxUnsent != math.MaxInt || o.MinProgress != 1 || o.KeepAlive != -1 {
		t.Errorf("negative: %+v", o)
	}
	o = Options{DialTimeout: 1, ReadTimeout: 1, MaxUnsent: 1, MinProgress: 2, KeepAlive: 1}.withDefaults()
	if o.DialTimeout != 1 || o.ReadTimeout != 1 || o.MaxUnsent != 1 || o.MinProgress != 2 || o.KeepAlive != 1 {
		t.Errorf("small: %+v", o)
	}
	if o = (Options{MinProgress: math.MaxInt}).withDefaults(); uint64(uint32(o.MinProgress)) != uint64(o.MinProgress) {
		t.Errorf("%d bytes of progress are more than counters can tell", o.MinProgress)
	}
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, test := range []struct {
		o    Options
		want bool
	}{
		{Options{}, true}, {Options{DB: 1}, true}, {Options{DB: -1}, false},
		{Options{Protocol: 2}, true}, {Options{Protocol: 3}, true}, {Options{Protocol: 1}, false}, {Options{Protocol: 4}, false},
	} {
		if err := test.o.check(); (err == nil) != test.want {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
}

func TestKeepAliveProbesAQuarterOfTheIdleTimeApart(t *testing.T) {
	for idle, want := range map[time.Duration]time.Duration{
		20 * time.Second: 5 * time.Second, 4 * time.Second: time.Second, time.Second: time.Second,
	} {
		k := Options{KeepAlive: idle}.keepAlive()
		if !k.Enable || k.Idle != idle || k.Interval != want || k.Count != 4 {
			t.Errorf("%v: %+v", idle, k)
		}
	}
	if k := (Options{KeepAlive: -1}).keepAlive(); k.Enable {
		t.Errorf("negative: %+v", k)
	}
}

func TestTheClassOfAnErrorIsSeenThroughOthers(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Class
	}{
		{nil, ClassNone},
		{errors.New("x"), ClassNone},
		{&Error{Class: ClassMaybeExecuted, Err: &resp.Error{Code: "ERR"}}, ClassMaybeExecuted},
		{errors.Join(errors.New("x"), &Error{Class: ClassNotSent}), ClassNotSent},
		{&resp.Error{Code: "WRONGTYPE", Message: "Operation against a key holding the wrong kind of value"}, ClassAnswered},
		{&resp.Error{Code: "LOADING", Message: "Redis is loading the dataset in memory"}, ClassRejected},
	} {
		if got := ClassOf(test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
	names := map[Class]string{
		ClassNone: "none", ClassNotSent: "not sent", ClassRejected: "rejected",
		ClassMaybeExecuted: "may have executed", ClassAnswered: "answered",
	}
	for class, want := range names {
		if class.String() != want {
			t.Errorf("%d: %s", class, class)
		}
	}
}

func TestAPeerIsRefusedByWhatItSaysItIs(t *testing.T) {
	for _, test := range []struct {
		mode string
		o    Options
		want string // empty: it is taken
	}{
		{"standalone", Options{}, ""},
		{"", Options{}, ""},
		{"unheard-of", Options{}, ""},
		{"sentinel", Options{}, "is a sentinel, not a data server"},
		{"cluster", Options{}, "is a node of a Redis Cluster"},
		{"cluster", Options{AllowCluster: true}, ""},
		{"sentinel", Options{Sentinel: true}, ""},
		{"", Options{Sentinel: true}, ""},
		{"standalone", Options{Sentinel: true}, "is a data server, not a sentinel"},
		{"cluster", Options{Sentinel: true, AllowCluster: true}, "is a node of a Redis Cluster"},
	} {
		err := test.o.checkPeer(test.mode)
		if got := err == nil; got != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q, sentinel %v, cluster %v: %v", test.mode, test.o.Sentinel, test.o.AllowCluster, err)
		}
	}
}

func TestNoMoreBytesWaitThanMayBeUnsent(t *testing.T) {
	for _, test := range []struct {
		encoded, writing, granted int
		want                      bool
	}{{9, 0, 0, false}, {10, 0, 0, true}, {3, 3, 3, false}, {3, 3, 4, true}, {0, 11, 0, true}, {0, 0, 9, false}, {4, 0, 6, true}} {
		c := &wire{opts: Options{MaxUnsent: 10}, wbuf: make([]byte, test.encoded)}
		c.backlog.writing, c.backlog.granted = test.writing, test.granted
		if c.fullLocked() != test.want {
			t.Errorf("%+v", test)
		}
	}
}
