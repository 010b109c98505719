package resp

import (
	"slices"
	"testing"
)

// runs takes replies in runs.
type runs struct{ got []string }

func (r *runs) Receive(i int, v Value) { r.got = append(r.got, string(rune('0'+i))+string(v)) }

func (r *runs) ReceiveRun(first int, buf []byte, ends []int) {
	r.got = append(r.got, string(rune('0'+first))+"-"+string(buf))
}

func TestARunIsGivenOneByOneToWhoTakesNoRuns(t *testing.T) {
	var together runs
	buf, ends := []byte(":1\r\n+OK\r\n"), []int{4, 9}
	GiveRun(&together, 3, buf, ends)
	if want := []string{"3-:1\r\n+OK\r\n"}; !slices.Equal(together.got, want) {
		t.Errorf("%q", together.got)
	}
	var each runs
	GiveRun(ReceiverFunc(each.Receive), 3, buf, ends)
	if want := []string{"3:1\r\n", "4+OK\r\n"}; !slices.Equal(each.got, want) {
		t.Errorf("%q", each.got)
	}
}

func TestErrorsAndWhatIsBehindAnAttributeMayBeErrors(t *testing.T) {
	for reply, may := range map[string]bool{
		"+OK\r\n": false, "$-1\r\n": false, "*1\r\n-ERR\r\n": false, "_\r\n": false, "": false,
		"-ERR x\r\n": true, "!5\r\nERR x\r\n": true, "|1\r\n+a\r\n+b\r\n-ERR\r\n": true,
	} {
		if Value(reply).MayBeError() != may {
			t.Errorf("%q: may be an error is %v", reply, !may)
		}
	}
}
