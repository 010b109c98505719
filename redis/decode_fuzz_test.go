package redis

import (
	"context"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// FuzzEveryDecoder decodes any bytes as the reply of every command: whatever comes
// of it, nothing panics.
func FuzzEveryDecoder(f *testing.F) {
	for _, a := range newerCases() {
		f.Add([]byte(a.resp2))
		f.Add([]byte(a.resp3))
	}
	for _, s := range []string{"", "*", "*-1\r\n", "%1\r\n", "*3\r\n:1\r\n", "-ERR x\r\n", "*1\r\n-ERR x\r\n", "*2\r\n$1\r\na\r\n*1\r\n_\r\n", "=8\r\ntxt:a=b\n\r\n", "|1\r\n+a\r\n:1\r\n:2\r\n",
		"*2\r\n*2\r\n$1\r\na\r\n*0\r\n~1\r\n*4\r\n$1\r\na\r\n:1\r\n:2\r\n*1\r\n+b\r\n", "(9999999999999999999999\r\n", ",nan\r\n", "$6\r\nid=1 a\r\n", ">1\r\n+x\r\n", "*1000000000\r\n", "$?\r\n;1\r\na\r\n;0\r\n"} {
		f.Add([]byte(s))
	}
	rows := allCases()
	f.Fuzz(func(t *testing.T, reply []byte) {
		c := &canned{reply: resp.Value(reply)}
		for _, r := range rows {
			if r.run != nil {
				_ = r.run(context.Background(), c)
			}
		}
	})
}
