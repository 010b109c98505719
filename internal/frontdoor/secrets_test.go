package frontdoor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestOptionsShowNoSecretInJSONNorInText(t *testing.T) {
	const secret = "s3cret"
	c := conn.Options{Addr: "h:1", Username: "u", Password: secret}
	p := pool.Options{Conn: c}
	g := sentinel.GroupOptions{Conn: c}
	cl := client.Options{Pool: p, Group: g}
	k := kermes.Options{Addr: "h:1", Username: "u", Password: secret, SentinelUsername: "v", SentinelPassword: secret, Client: cl}
	for _, o := range []any{c, &c, p, &p, g, &g, cl, &cl, k, &k} {
		text, err := json.Marshal(o)
		all := fmt.Sprintf("%s %v %v %+v %#v", text, err, o, o, o)
		if strings.Contains(all, secret) {
			t.Errorf("%T: %s", o, all)
		}
	}
	text, err := json.Marshal(k)
	if err != nil || !strings.Contains(string(text), `"addr":"h:1"`) {
		t.Errorf("%s, %v", text, err)
	}
}
