package resp_test

import (
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// Whoever raises the limit that the error names is helped by that.
func TestAnErrorNamesTheLimitThatIsExceeded(t *testing.T) {
	for _, test := range []struct {
		lim   resp.Limits
		reply string
		field string // "" is none that could be raised
	}{
		{resp.Limits{Bulk: 1 << 20, Elems: 1 << 20}, "*2000000\r\n", "Elems"},
		{resp.Limits{Bulk: 1 << 20, Elems: 1 << 20}, "$2000000\r\n", "Bulk"},
		{resp.Limits{Bulk: 1000, Reply: 1000}, "=2000\r\n", "Reply"},
		{resp.Limits{Reply: 1000}, "$2000\r\n", "Reply"},
		{resp.Limits{Bulk: 1000}, "$?\r\n;900\r\n" + strings.Repeat("x", 900) + "\r\n;900\r\n", "Bulk"},
		{resp.Limits{Elems: 100}, "%60\r\n", "Elems"},
		{resp.Limits{Elems: 3}, "*?\r\n" + strings.Repeat(":1\r\n", 5), "Elems"},
		{resp.Limits{Line: 1000}, "+" + strings.Repeat("x", 2000), "Line"},
		{resp.Limits{Line: 1000}, ":" + strings.Repeat("1", 2000), "Line"},
		{resp.Limits{Line: 1 << 20, Bulk: 64 << 10}, ":" + strings.Repeat("1", 70<<10), ""},
		{resp.Limits{Reply: 1000}, "+" + strings.Repeat("x", 2000), "Reply"},
		{resp.Limits{Depth: 200, Elems: 200}, strings.Repeat("*1\r\n", 300), "Depth"},
		{resp.Limits{Attrs: 16, Elems: 16}, strings.Repeat("|1\r\n:1\r\n:1\r\n", 17), "Attrs"},
		{resp.Limits{Reply: 1000}, "*3\r\n" + strings.Repeat("$400\r\n"+strings.Repeat("x", 400)+"\r\n", 3), "Reply"},
	} {
		scan := resp.NewScanner(test.lim)
		_, err := scan.Scan([]byte(test.reply))
		_, named, _ := strings.Cut(strings.TrimSuffix(errText(err), ")"), "(Limits.")
		if err == nil || named != test.field {
			t.Errorf("%+v, %.30q: %v, which should name %q", test.lim, test.reply, err, test.field)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
