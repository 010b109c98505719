package sentinel

import (
	"strings"
	"testing"
)

func TestAnAddressThatIsNoSentinelsIsRefusedAndNotShown(t *testing.T) {
	for addr, want := range map[string]string{
		"":                         "is empty",
		"redis://u:s3cret@h:26379": "has a scheme",
		"u:s3cret@h:26379":         "has a user",
		"s3cret@h":                 "has a user",
		"h1:26379,h2:26379":        "a string of its own",
		"h1 h2":                    "a string of its own",
		"h1:26379\n":               "a string of its own",
		"h1:26379/mymaster":        "holds a slash",
	} {
		g, err := NewGroup(GroupOptions{Sentinels: []string{"h:26379", addr}})
		if err == nil {
			_ = g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "address 2 of 2 ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", addr, err, want)
		}
	}
	for _, addr := range []string{"h", "h:1", "127.0.0.1", "::1", "[::1]", "[::1]:26379", "fe80::1%eth0"} {
		if err := checkSentinels([]string{addr}); err != nil {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
