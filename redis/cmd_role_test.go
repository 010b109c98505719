package redis

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kermes-redis/kermes/resp"
)

func TestRolesAreRead(t *testing.T) {
	for raw, want := range map[string]RoleInfo{
		"*3\r\n$6\r\nmaster\r\n:42\r\n*1\r\n*3\r\n$1\r\nh\r\n$1\r\n1\r\n$2\r\n40\r\n": {
			Role: "master", Offset: 42, Replicas: []ReplicaInfo{{Host: "h", Port: 1, Offset: 40}},
		},
		"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:40\r\n": {
			Role: "slave", MasterHost: "h", MasterPort: 1, State: "connected", Offset: 40,
		},
		"*2\r\n$8\r\nsentinel\r\n*0\r\n": {Role: "sentinel", Masters: []string{}},
	} {
		got, err := roleInfo(resp.Value(raw))
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
	for _, raw := range []string{"*0\r\n", "$-1\r\n", ":1\r\n", "-LOADING x\r\n", "*1\r\n:1\r\n"} {
		if _, err := roleInfo(resp.Value(raw)); err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
}
