package conn_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		url  string
		want conn.Options
	}{
		{"redis://", conn.Options{Addr: "127.0.0.1:6379"}},
		{"redis://h", conn.Options{Addr: "h:6379"}},
		{"REDIS://h", conn.Options{Addr: "h:6379"}},
		{"redis://:p%40ss@h:1/2", conn.Options{Addr: "h:1", Password: "p@ss", DB: 2}},
		{"redis://:p@ss@h", conn.Options{Addr: "h:6379", Password: "p@ss"}},
		{"redis://u:p%2F%3F%23%25@h", conn.Options{Addr: "h:6379", Username: "u", Password: "p/?#%"}},
		{"redis://u:p@[::1]:7000?db=3&client_name=x&protocol=2", conn.Options{Addr: "[::1]:7000", Username: "u", Password: "p", DB: 3, ClientName: "x", Protocol: 2}},
		{"unix:///tmp/r:1:2.sock", conn.Options{Addr: "/tmp/r:1:2.sock"}},
		{"unix:///tmp/r.sock?db=1", conn.Options{Addr: "/tmp/r.sock", DB: 1}},
		{"valkey://h?read_timeout=250ms&dial_timeout=1s", conn.Options{Addr: "h:6379", ReadTimeout: 250 * time.Millisecond, DialTimeout: time.Second}},
		{"redis://h?read_timeout=5&dial_timeout=0&keep_alive=-1s", conn.Options{Addr: "h:6379", ReadTimeout: 5 * time.Second, DialTimeout: -1, KeepAlive: -1}},
		{"redis://h/4?db=&read_timeout=&protocol=&client_name=&disableIdentity=", conn.Options{Addr: "h:6379"}},
		{"redis://h:1/0?protocol=3", conn.Options{Addr: "h:1", Protocol: 3}},
		{"redis://h:65535?dial_timeout=1ns&read_timeout=2147483647", conn.Options{Addr: "h:65535", DialTimeout: 1, ReadTimeout: 2147483647 * time.Second}},
		{"redis://h?disableIdentity=true&client_name=me@here", conn.Options{Addr: "h:6379", NoClientInfo: true, ClientName: "me@here"}},
	}
	for _, test := range tests {
		got, err := conn.ParseURL(test.url)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) || got.Password != test.want.Password {
			t.Errorf("%s: %+v, %v", test.url, got, err)
		}
	}
}

func TestParseURLSetsUpTLS(t *testing.T) {
	o, err := conn.ParseURL("rediss://h?skip_verify=1&tls_server_name=example.com")
	if err != nil || o.TLS == nil || !o.TLS.InsecureSkipVerify || o.TLS.ServerName != "example.com" {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = conn.ParseURL("rediss://h")
	if err != nil || o.TLS == nil || o.TLS.InsecureSkipVerify {
		t.Errorf("%+v, %v", o, err)
	}
}

// What cannot be meant is refused, with words for somebody who does not know the
// code.
func TestParseURLSaysWhatIsWrong(t *testing.T) {
	for url, want := range map[string]string{
		"":                                  "want scheme://",
		"h:6379":                            "want scheme://",
		"http://h":                          "scheme http is not redis",
		"foo://h":                           "the scheme is not redis",
		"redis-sentinel://h/m":              "package client",
		"redis://h/x":                       "the database is not a number",
		"redis://h/-1":                      "the database is not a number",
		"redis://h:0":                       "the port is not a number between 1 and 65535",
		"redis://h:99999":                   "the port is not a number between 1 and 65535",
		"redis://h:65536":                   "the port is not a number between 1 and 65535",
		"redis://h?read_timeout=2147483648": "read_timeout is not a duration such as 250ms",
		"redis://h?foo=1":                   "unknown parameter foo",
		"redis://h?abcdefghijklmnopqrstuvwxyz_abc=1":  "unknown parameter abcdefghijklmnopqrstuvwxyz_abc",
		"redis://h?abcdefghijklmnopqrstuvwxyz_abcd=1": "an unknown parameter; in a password write",
		"redis://h?fooBar=1":                          "an unknown parameter; in a password write",
		"redis://h?conn_max_idle_time=1":              "understood by the package client",
		"redis://h?min_idle_conns=1":                  "understood by the package client",
		"redis://h?max_retries=1":                     "understood by the package client",
		"redis://h?master_name=m":                     "understood by the package client",
		"redis://h?retry_time=1":                      "understood by the package client",
		"redis://h?pool_size=1":                       "parameter pool_size is not one of a connection: it is understood by the package client",
		"redis://h?db=1&db=2":                         "parameter db comes 2 times",
		"redis://h?protocol=4":                        "protocol is not 2 or 3",
		"redis://h?read_timeout=5x":                   "read_timeout is not a duration such as 250ms",
		"redis://h?disableIdentity=perhaps":           "disableIdentity is not true or false",
		"redis://h?skip_verify=1":                     "skip_verify has no meaning without TLS: use rediss://",
		"redis://h?tls_ca_file=x":                     "tls_ca_file has no meaning without TLS",
		"rediss://h?tls_ca_file=/nowhere":             "tls_ca_file: open /nowhere",
		"rediss://h?tls_cert_file=x":                  "tls_cert_file and tls_key_file go together",
		"unix://h/p":                                  "want unix:///absolute/path",
		"unix://":                                     "want unix:///absolute/path",
		"redis://h#f":                                 "a fragment (#) has no meaning",
		"redis://%zz":                                 "write special characters of a user or password as %XX",
		"redis://::1":                                 "an IPv6 address stands in brackets",
		"redis://u:p@2001:db8::1:6379/0":              "an IPv6 address stands in brackets",
		"redis://h?%zz":                               "write special characters",
	} {
		o, err := conn.ParseURL(url)
		if err == nil || !strings.HasPrefix(err.Error(), "conn: url: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q; %+v", url, err, want, o)
		}
	}
}

func TestNoTextOfAURLShowsAPassword(t *testing.T) {
	const secret = "s3cret"
	for _, url := range []string{
		"redis://user:123/s3cret@host:6379", "redis://user:123?s3cret@host:6379", "redis://user:123#s3cret@host:6379",
		"redis://user:s3cret/x@host:6379", "redis://user:s3cret?x@host:6379", "redis://user:s3cret#x@host",
		"redis://user:12?s3cret=1@host", "redis://user:12?db=s3cret@host", "redis://user:12/0?s3cret@host",
		"redis://user:12?protocol=s3cret@host", "redis://user:12?read_timeout=s3cret@host", "redis://user:12&s3cret@host?foo=1",
		"redis://user:%s3cret@host", "redis://user:s3cret%@host", "redis://user:[s3cret@host", "redis://user:s3cret@ho st",
		"redis://user:s3cret@host:port", "redis://user:s3cret@host:99999", "redis://user:s3cret", "redis://s3cret:s3cret:s3cret",
		"redis://user:s3cret@host/x", "redis://host/s3cret", "unix://user:s3cret@/", "s3cret://host", "redis:user:s3cret@host",
		"s3cret", "user:s3cret@host:6379", "http://user:s3cret@host", "redis://user:s3cret@::1",
	} {
		o, err := conn.ParseURL(url)
		if err == nil && url != "unix://user:s3cret@/" {
			t.Errorf("%s: accepted as %+v", url, o)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOptionsArePrintedAndLoggedWithoutThePassword(t *testing.T) {
	o := conn.Options{Addr: "h:1", Username: "app", Password: "s3cret"}
	nested := struct{ Conn conn.Options }{o}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "o", o, "p", &o, "nested", nested)
	}
	js, err := json.Marshal(nested)
	texts := []string{log.String(), string(js)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{o, &o, nested, []conn.Options{o}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	for _, text := range texts {
		if strings.Contains(text, "s3cret") {
			t.Error(text)
		}
	}
	if !strings.Contains(fmt.Sprintf("%+v", nested), "Addr:h:1 Username:app Password:***") || err != nil {
		t.Errorf("%+v, %v", nested, err)
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis://u:p@h:1/2?db=3")
	f.Add("unix:///p")
	f.Fuzz(func(t *testing.T, url string) {
		o, err := conn.ParseURL(url)
		if err == nil && (o.Addr == "" || o.DB < 0) {
			t.Errorf("%q became %+v", url, o)
		}
	})
}
