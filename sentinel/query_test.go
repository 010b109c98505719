package sentinel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/resp"
)

// array encodes strings as a RESP array of bulk strings.
func array(parts ...string) resp.Value {
	b := resp.NewCommand("X")
	for _, p := range parts {
		b = b.With(resp.String(p))
	}
	raw := string(b.AppendTo(nil))
	// The command's own name is the first element: cut it off.
	_, rest, _ := strings.Cut(raw, "$1\r\nX\r\n")
	return resp.Value("*" + itoa(len(parts)) + "\r\n" + rest)
}

func itoa(n int) string {
	s := ""
	for n > 0 || s == "" {
		s = string(rune('0'+n%10)) + s
		n /= 10
	}
	return s
}

func TestAddressesAreReadAsTheSpecSays(t *testing.T) {
	good := map[string]resp.Value{
		"127.0.0.1:6379":   array("127.0.0.1", "6379"),
		"[::1]:6379":       array("::1", "6379"),
		"redis-0.svc:6379": array("redis-0.svc", "6379"),
	}
	for want, v := range good {
		if got, err := parseAddr(v); got != want || err != nil {
			t.Errorf("%q: %q, %v", v, got, err)
		}
	}
	for _, raw := range []string{"*-1\r\n", "_\r\n", "-ERR No such master with that name\r\n", "-IDONTKNOW who\r\n"} {
		if _, err := parseAddr(resp.Value(raw)); !errors.Is(err, ErrMasterUnknown) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	bad := []resp.Value{
		array("127.0.0.1"), array("127.0.0.1", "6379", "x"), array("127.0.0.1", "0"), array("", "1"), array("h", "99999"),
		resp.Value(":1\r\n"), resp.Value("+OK\r\n"), resp.Value("*2\r\n:1\r\n*0\r\n"), resp.Value("-NOAUTH Authentication required.\r\n"),
	}
	for _, v := range bad {
		if _, err := parseAddr(v); err == nil || errors.Is(err, ErrMasterUnknown) {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestAMasterIsReadInBothProtocols(t *testing.T) {
	pairs := []string{
		"name", "m", "runid", "abc", "flags", "s_down,o_down,master,failover_in_progress", "config-epoch", "7",
		"num-other-sentinels", "2", "quorum", "2", "down-after-milliseconds", "1000", "from-the-future", "x",
	}
	want := sighting{epoch: 7, runID: "abc", failing: true, doubted: true, others: 2, quorum: 2, down: time.Second}
	flat := array(pairs...)
	asMap := resp.Value("%" + itoa(len(pairs)/2) + "\r\n" + strings.SplitN(string(flat), "\r\n", 2)[1])
	for _, v := range []resp.Value{flat, asMap} {
		if got, err := parseMaster(v); err != nil || got != want {
			t.Errorf("%q: %+v, %v", v, got, err)
		}
	}
	for _, v := range []resp.Value{
		array(), array("config-epoch"), array("config-epoch", "-1"), array("config-epoch", "x"), resp.Value("*-1\r\n"), resp.Value("+x\r\n"),
		array("config-epoch", "99999999999999999999"),
	} {
		if _, err := parseMaster(v); err == nil {
			t.Errorf("%q was accepted", v)
		}
	}
}

func TestOnlyFitReplicasServe(t *testing.T) {
	for flags, fit := range map[string]bool{
		"slave": true, "slave,reconf_done": true, "slave,unheard_of": true,
		"s_down,slave": false, "o_down,slave": false, "slave,disconnected": false, "s_down,slave,disconnected": false,
		"slave,promoted": false, "slave,reconf_sent": false, "slave,reconf_inprog": false, "slave,master_down": false,
	} {
		if got := (Replica{Flags: flags, LinkUp: true}).Fit(); got != fit {
			t.Errorf("%q: fit %v", flags, got)
		}
	}
	if (Replica{Flags: "slave"}).Fit() {
		t.Error("fit without a link to its master")
	}
	one := array("ip", "h", "port", "1", "flags", "slave", "master-link-status", "ok", "slave-repl-offset", "55",
		"slave-priority", "100", "master-host", "::1", "master-port", "6379")
	list := resp.Value("*4\r\n" + string(one) + string(array("ip", "h", "port", "0")) + ":1\r\n" + string(array("ip")))
	want := []Replica{{Addr: "h:1", Flags: "slave", MasterAddr: "[::1]:6379", LinkUp: true, Offset: 55, Priority: 100}}
	got, err := parseReplicas(list)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// FuzzReplies gives well-formed replies of any shape to all parsers (A40).
func FuzzReplies(f *testing.F) {
	for _, v := range []resp.Value{
		array("127.0.0.1", "6379"), array("config-epoch", "7", "flags", "master"), array("ip", "h", "port"),
		resp.Value("*2\r\n*-1\r\n%1\r\n+a\r\n#t\r\n"), resp.Value("%1\r\n$12\r\nconfig-epoch\r\n:7\r\n"), resp.Value("_\r\n"),
		resp.Value("*1\r\n*4\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$1\r\n1\r\n"), resp.Value("!9\r\nERR No su\r\n"),
	} {
		f.Add([]byte(v))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		scan := resp.NewScanner(resp.Limits{})
		n, err := scan.Scan(raw)
		if err != nil || n == 0 {
			t.Skip()
		}
		v := resp.Value(raw[:n])
		if addr, err := parseAddr(v); err == nil && addr == "" {
			t.Error("an empty address without an error")
		}
		if s, err := parseMaster(v); err == nil && s.epoch < 0 {
			t.Error("a negative epoch")
		}
		peers, err := parseSentinels(v)
		if (err != nil) != (v.Err() != nil) {
			t.Error("an error is taken for an empty list")
		}
		for _, p := range peers {
			if p.addr == "" {
				t.Error("a sentinel without an address")
			}
		}
		replicas, err := parseReplicas(v)
		if (err != nil) != (v.Err() != nil) {
			t.Error("an error is taken for an empty list")
		}
		for _, r := range replicas {
			if r.Addr == "" {
				t.Error("a replica without an address")
			}
			_ = r.Fit()
		}
	})
}
