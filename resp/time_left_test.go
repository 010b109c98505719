package resp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

func TestABlockingCommandThatHasWaitedWaitsForTheRestOfItsTime(t *testing.T) {
	for text, want := range map[string]string{
		"BLPOP a b 10":                                 "BLPOP a b 7.5",
		"BRPOP a b c d e f 10":                         "BRPOP a b c d e f 7.5",
		"BLMOVE a b LEFT RIGHT 10":                     "BLMOVE a b LEFT RIGHT 7.5",
		"BLMPOP 10 1 a LEFT":                           "BLMPOP 7.5 1 a LEFT",
		"bzmpop 10 1 a MIN":                            "bzmpop 7.5 1 a MIN",
		"BZPOPMIN a 2":                                 "BZPOPMIN a 0.001",
		"BLPOP a 0":                                    "BLPOP a 0",
		"XREAD BLOCK 10000 STREAMS s $":                "XREAD BLOCK 7500 STREAMS s $",
		"XREADGROUP GROUP g c BLOCK 10000 STREAMS s >": "XREADGROUP GROUP g c BLOCK 7500 STREAMS s >",
		"XREAD STREAMS s $":                            "XREAD STREAMS s $",
		"WAIT 1 10000":                                 "WAIT 1 7500",
		"WAITAOF 1 1 1000":                             "WAITAOF 1 1 1",
		"GET 10":                                       "GET 10",
	} {
		before := fieldsCommand(text)
		given := string(before.AppendTo(nil))
		after := before.TimeLeft(2500 * time.Millisecond)
		wanted := fieldsCommand(want)
		if got := string(after.AppendTo(nil)); got != string(wanted.AppendTo(nil)) {
			t.Errorf("%s became %q", text, got)
		}
		if d, _ := after.Timeout(); d > 0 {
			if w, _ := wanted.Timeout(); d != w {
				t.Errorf("%s: timeout %v, want %v", text, d, w)
			}
		}
		if string(before.AppendTo(nil)) != given {
			t.Errorf("%s: the command given has changed", text)
		}
	}
}

func TestABlockingCommandThatHasNotWaitedStaysAsItIs(t *testing.T) {
	for _, text := range []string{"BLPOP a 1.50", "BLPOP a 1.0005", "XREAD BLOCK 010 STREAMS s $"} {
		for _, waited := range []time.Duration{0, -time.Second} {
			c := fieldsCommand(text)
			after := c.TimeLeft(waited)
			before, _ := c.Timeout()
			if got, _ := after.Timeout(); got != before || string(after.AppendTo(nil)) != string(c.AppendTo(nil)) {
				t.Errorf("%s after %v: %q", text, waited, after.AppendTo(nil))
			}
		}
	}
}

// A script or a module's command that its caller says may wait has arguments of its own.
func TestOnlyWhatSaysHowLongItWaitsIsChanged(t *testing.T) {
	for _, text := range []string{"EVALSHA 0123 1 key 10", "eval return 0 10", "FCALL f 0 10", "my.pop key 10", "GET 10"} {
		c := fieldsCommand(text).WithTimeout(10 * time.Second)
		after := c.TimeLeft(2500 * time.Millisecond)
		if d, _ := after.Timeout(); d != 10*time.Second || string(after.AppendTo(nil)) != string(c.AppendTo(nil)) {
			t.Errorf("%s became %q, for %v", text, after.AppendTo(nil), d)
		}
	}
}

// What the arguments say is what is shortened, also where the caller allows for another
// time.
func TestTheTimeThatIsSaidIsShortened(t *testing.T) {
	for text, want := range map[string]string{
		"BLPOP a 5":                  "BLPOP a 2.5",
		"BLPOP a 60":                 "BLPOP a 57.5",
		"BLPOP a 0":                  "BLPOP a 0",
		"BLPOP a b":                  "BLPOP a b",
		"XREAD BLOCK 0 STREAMS s $":  "XREAD BLOCK 0 STREAMS s $",
		"XREAD BLOCK 5000 STREAMS s": "XREAD BLOCK 2500 STREAMS s",
	} {
		c := fieldsCommand(text).WithTimeout(20 * time.Second).TimeLeft(2500 * time.Millisecond)
		wanted := fieldsCommand(want)
		if string(c.AppendTo(nil)) != string(wanted.AppendTo(nil)) {
			t.Errorf("%s became %q", text, c.AppendTo(nil))
		}
	}
}

// fieldsCommand returns the command of the words in text, flagged.
func fieldsCommand(text string) resp.Command {
	words := strings.Fields(text)
	c := resp.NewCommand(words[0])
	for _, word := range words[1:] {
		c = c.With(resp.String(word))
	}
	return c.Flagged()
}
