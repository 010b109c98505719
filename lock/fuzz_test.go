package lock

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// replies are what the scripts answer, and what they do not.
var replies = []string{
	"*4\r\n:1\r\n:1764000000000000\r\n:0\r\n:2\r\n",
	"*4\r\n:0\r\n:-1\r\n:3\r\n:1764000000000000\r\n",
	"*3\r\n:1\r\n:1\r\n$6\r\nlk:a|1\r\n",
	"*2\r\n:1\r\n:9223372036854775807\r\n",
	"*7\r\n:5\r\n:1\r\n:20\r\n$6\r\nlk:a|1\r\n:900\r\n:0\r\n$9\r\n5\nhost 17\r\n",
	"*7\r\n:5\r\n:1\r\n:20\r\n$0\r\n\r\n:-2\r\n:-1\r\n$0\r\n\r\n",
	"*1\r\n*0\r\n", ":1\r\n", "$-1\r\n", "%1\r\n:1\r\n:2\r\n",
}

// What a server answers is decoded or refused.
func FuzzDecode(f *testing.F) {
	for _, r := range replies {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := resp.NewReader(bytes.NewReader(b), resp.Limits{})
		v, err := r.ReadValue()
		if err != nil {
			v = resp.Value(b) // what no server sends must do no harm
			_, _ = decodeAnswer(v)
			_, _ = decodeReleased(v)
			_, _ = decodeInfo(v)
			_, _ = decodeInts(v)
			return
		}
		if a, err := decodeAnswer(v); err == nil && v.Len() != 4 {
			t.Errorf("%+v", a)
		}
		if r, err := decodeReleased(v); err == nil && v.Len() != 1+2*len(r.to) {
			t.Errorf("%+v", r)
		}
		if i, err := decodeInfo(v); err == nil && (v.Len() != 3+4*len(i.Holders) || i.Held != (len(i.Holders) > 0)) {
			t.Errorf("%+v", i)
		}
		if n, err := decodeInts(v); err == nil && v.Len() != len(n) {
			t.Errorf("%v", n)
		}
	})
}

// A message on the channel of a process is a grant of this Locker's, or nothing.
func FuzzGrantTo(f *testing.F) {
	c := &core{prefix: "lk:"}
	f.Add("17|-1|lk:{a|b}")
	f.Add("p17|3|lk:s:{x}")
	f.Add("w17|0|lk:rw:{x}")
	f.Add("|0|lk:rw:{x}")
	f.Add("1|-2|lk:{x}")
	f.Fuzz(func(t *testing.T, m string) {
		seq, what, ok := c.grantTo(m)
		if !ok {
			return
		}
		if seq == "" || what.locks() != 1 || !strings.HasPrefix(m, seq+"|") || !strings.HasSuffix(m, "|"+what.keys[0]) {
			t.Errorf("%q: %q of %v", m, seq, what)
		}
	})
}
