package client_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
)

func TestURLsOfSentinels(t *testing.T) {
	type want struct {
		master, sentinels, user, password, sentinelUser, sentinelPassword string
		db                                                                int
		tls, sentinelTLS                                                  bool
	}
	for url, want := range map[string]want{
		"redis-sentinel://h1,h2:26380/m":                                 {master: "m", sentinels: "h1:26379,h2:26380"},
		"redis-sentinel://:p@h1,[::1]:7/m/3":                             {master: "m", sentinels: "h1:26379,[::1]:7", password: "p", db: 3},
		"Redis+Sentinel://u:p%40@h1/my%2Fmaster/":                        {master: "my/master", sentinels: "h1:26379", user: "u", password: "p@"},
		"rediss+sentinel://h1/m":                                         {master: "m", sentinels: "h1:26379", tls: true, sentinelTLS: true},
		"REDIS-SENTINELS://h1/m?sentinel_tls=false":                      {master: "m", sentinels: "h1:26379", tls: true},
		"redis-sentinel://h1/m?sentinel_tls=1":                           {master: "m", sentinels: "h1:26379", sentinelTLS: true},
		"redis-sentinel://h1?master_name=m":                              {master: "m", sentinels: "h1:26379"},
		"redis-sentinel://h1,h2/5?master_name=m":                         {master: "m", sentinels: "h1:26379,h2:26379", db: 5},
		"redis-sentinel://h1/m?db=4&sentinel_password=a%26b":             {master: "m", sentinels: "h1:26379", db: 4, sentinelPassword: "a&b"},
		"redis-sentinel://h1/m?username=u&password=p":                    {master: "m", sentinels: "h1:26379", user: "u", password: "p"},
		"redis://h1:1?master_name=m&addr=h2:2&addr=h3:3":                 {master: "m", sentinels: "h1:1,h2:2,h3:3"},
		"redis://su:sp@h1/2?master_name=m&username=u&password=p":         {master: "m", sentinels: "h1:26379", user: "u", password: "p", sentinelUser: "su", sentinelPassword: "sp", db: 2},
		"rediss://h1?master_name=m":                                      {master: "m", sentinels: "h1:26379", tls: true, sentinelTLS: true},
		"redis-sentinel://h1/m?sentinel_username=u&sentinel_password=p@": {master: "m", sentinels: "h1:26379", sentinelUser: "u", sentinelPassword: "p@"},
	} {
		o, err := client.ParseURL(url)
		got := struct {
			master, sentinels, user, password, sentinelUser, sentinelPassword string
			db                                                                int
			tls, sentinelTLS                                                  bool
		}{
			o.Master, strings.Join(o.Group.Sentinels, ","), o.Pool.Conn.Username, o.Pool.Conn.Password,
			o.Group.Conn.Username, o.Group.Conn.Password, o.Pool.Conn.DB, o.Pool.Conn.TLS != nil, o.Group.Conn.TLS != nil,
		}
		if err != nil || got != want {
			t.Errorf("%s:\n %+v, %v\n want %+v", url, got, err, want)
		}
		if o.Pool.Conn.Addr != "" {
			t.Errorf("%s: address %q", url, o.Pool.Conn.Addr)
		}
	}
}

// goRedis is the parameters of go-redis' ParseURL and ParseFailoverURL, each with
// a value and the option that it sets here; nil where there is none.
var goRedis = map[string]struct {
	value string
	set   func(o *client.Options) any
	want  any
}{
	"db":                         {"3", func(o *client.Options) any { return o.Pool.Conn.DB }, 3},
	"protocol":                   {"2", func(o *client.Options) any { return o.Pool.Conn.Protocol }, 2},
	"client_name":                {"me", func(o *client.Options) any { return o.Pool.Conn.ClientName }, "me"},
	"dial_timeout":               {"3", func(o *client.Options) any { return o.Pool.Conn.DialTimeout }, 3 * time.Second},
	"read_timeout":               {"6s", func(o *client.Options) any { return o.Pool.Conn.ReadTimeout }, 6 * time.Second},
	"disableIdentity":            {"true", func(o *client.Options) any { return o.Pool.Conn.NoClientInfo }, true},
	"max_retries":                {"7", func(o *client.Options) any { return o.MaxRetries }, 7},
	"pool_size":                  {"20", func(o *client.Options) any { return o.Pool.MaxConns }, 20},
	"max_active_conns":           {"30", func(o *client.Options) any { return o.Pool.MaxConns }, 30},
	"min_idle_conns":             {"4", func(o *client.Options) any { return o.Pool.MinIdle }, 4},
	"max_idle_conns":             {"5", func(o *client.Options) any { return o.Pool.MaxIdle }, 5},
	"max_concurrent_dials":       {"2", func(o *client.Options) any { return o.Pool.MaxDials }, 2},
	"conn_max_idle_time":         {"60", func(o *client.Options) any { return o.Pool.IdleTime }, time.Minute},
	"idle_timeout":               {"-1", func(o *client.Options) any { return o.Pool.IdleTime }, time.Duration(-1)},
	"conn_max_lifetime":          {"1h", func(o *client.Options) any { return o.Pool.MaxLifetime }, time.Hour},
	"max_conn_age":               {"1h", func(o *client.Options) any { return o.Pool.MaxLifetime }, time.Hour},
	"skip_verify":                {"true", func(o *client.Options) any { return o.Pool.Conn.TLS.InsecureSkipVerify }, true},
	"master_name":                {"m", func(o *client.Options) any { return o.Master }, "m"},
	"addr":                       {"h2:2", func(o *client.Options) any { return o.Group.Sentinels[1] }, "h2:2"},
	"username":                   {"u", func(o *client.Options) any { return o.Pool.Conn.Username }, "u"},
	"password":                   {"p", func(o *client.Options) any { return o.Pool.Conn.Password }, "p"},
	"sentinel_username":          {"u", func(o *client.Options) any { return o.Group.Conn.Username }, "u"},
	"sentinel_password":          {"p", func(o *client.Options) any { return o.Group.Conn.Password }, "p"},
	"replica_only":               {"true", func(o *client.Options) any { return o.Replicas.Policy }, client.ReplicaOnly},
	"route_randomly":             {"true", func(o *client.Options) any { return o.Replicas.Choose != nil }, true},
	"route_by_latency":           {"true", func(o *client.Options) any { return o.Replicas.Choose != nil }, true},
	"route_by_latency_tolerance": {"1ms", nil, nil},
	"use_disconnected_replicas":  {"true", nil, nil},
	"idle_check_frequency":       {"1m", nil, nil},
	"min_retry_backoff":          {"8ms", nil, nil},
	"max_retry_backoff":          {"512ms", nil, nil},
	"dialer_retries":             {"5", nil, nil},
	"dialer_retry_timeout":       {"100ms", nil, nil},
	"write_timeout":              {"3s", nil, nil},
	"context_timeout_enabled":    {"true", nil, nil},
	"pool_fifo":                  {"true", nil, nil},
	"pool_timeout":               {"4s", nil, nil},
	"pipeline_pool_size":         {"-1", nil, nil},
	"pipeline_read_buffer_size":  {"1", nil, nil},
	"pipeline_write_buffer_size": {"1", nil, nil},
	"conn_max_lifetime_jitter":   {"1s", nil, nil},
	"identitySuffix":             {"x", nil, nil},
	"unstable_resp3":             {"true", nil, nil},
}

func TestEveryParameterOfGoRedisIsUnderstoodOrNamedAsIgnored(t *testing.T) {
	for name, p := range goRedis {
		query := name + "=" + p.value
		if name != "master_name" {
			query += "&master_name=m"
		}
		o, err := client.ParseURL("rediss://h1:1?" + query)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case p.set == nil && !slices.Equal(o.Ignored, []string{name}):
			t.Errorf("%s: ignored are %v", name, o.Ignored)
		case p.set != nil && (!reflect.DeepEqual(p.set(&o), p.want) || o.Ignored != nil):
			t.Errorf("%s: %v, want %v; ignored are %v", name, p.set(&o), p.want, o.Ignored)
		}
		if _, err := client.ParseURL("rediss://h1:1?" + name + "=&master_name=m"); err != nil && name != "master_name" && name != "addr" {
			t.Errorf("%s without a value: %v", name, err)
		}
	}
}

func TestOfTwoParametersThatSetTheSameTheOneOfGoRedisCounts(t *testing.T) {
	for range 20 { // parameters have no order
		o, err := client.ParseURL("redis-sentinel://h/m?pool_size=20&max_active_conns=30&idle_timeout=1&conn_max_idle_time=2&max_conn_age=3&conn_max_lifetime=4&any_node=1&replica_only=1")
		if err != nil || o.Pool.MaxConns != 30 || o.Pool.IdleTime != 2*time.Second || o.Pool.MaxLifetime != 4*time.Second || o.Replicas.Policy != client.ReplicaOnly {
			t.Fatalf("%+v, %v", o, err)
		}
		if o, err = client.ParseURL("redis://h?pool_size=20&max_active_conns=0"); err != nil || o.Pool.MaxConns != 20 {
			t.Fatalf("%d, %v", o.Pool.MaxConns, err)
		}
		if _, err = client.ParseURL("redis://h?foo=1&pool_size=x&bar=2"); err == nil || !strings.Contains(err.Error(), "pool_size is not a number") {
			t.Fatal(err) // the same each time
		}
	}
}

func TestOurOwnParameters(t *testing.T) {
	o, err := client.ParseURL("redis://h:1/2?retry_time=250ms&solo_conns=3&shared_conns=4&max_lag=100&any_node=1&no_wait=1")
	if err != nil || o.RetryTime != 250*time.Millisecond || o.Pool.SoloConns != 3 || o.Pool.SharedConns != 4 ||
		o.Replicas.MaxLag != 100 || o.Replicas.Policy != client.AnyNode || !o.NoWait || o.Pool.Conn.Addr != "h:1" || o.Pool.Conn.DB != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = client.ParseURL("redis://h?retry_time=0"); err != nil || o.RetryTime >= 0 {
		t.Errorf("no retries: %v, %v", o.RetryTime, err)
	}
	if o, err = client.ParseURL("redis-sentinel://h/m?require_quorum=true"); err != nil || !o.RequireQuorum {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestURLsThatCannotBeMeantAreRefusedWithWords(t *testing.T) {
	for url, want := range map[string]string{
		"":                                                  "want scheme://",
		"redis-sentinel://h1,h2/0#mymaster":                 "a fragment (#) has no meaning",
		"redis-sentinel://h1,h2#m":                          "a fragment (#) has no meaning",
		"redis-sentinel://u:p@h1,u:p@h2/m":                  "user and password stand once, before the first address",
		"redis-sentinel://h1:99999/m":                       "the port of a sentinel is not a number between 1 and 65535",
		"redis-sentinel://h1:0/m":                           "the port of a sentinel is not a number",
		"redis-sentinel://u:/s3cret@h1/m":                   "malformed; write special characters",
		"redis-sentinel://u:/m":                             "the port of a sentinel is not a number",
		"redis-sentinel://h1/a@b":                           "malformed; write special characters",
		"redis-sentinel://h1:x/m":                           "the address of a sentinel is empty or malformed",
		"redis-sentinel://h1,,h2/m":                         "the address of a sentinel is empty or malformed",
		"redis-sentinel:///m":                               "the address of a sentinel is empty or malformed",
		"redis-sentinel://h 1/m":                            "the address of a sentinel is empty or malformed",
		"redis-sentinel://::1/m":                            "an IPv6 address stands in brackets",
		"redis-sentinel://2001:db8::1:26379/m":              "an IPv6 address stands in brackets",
		"redis://::1":                                       "an IPv6 address stands in brackets",
		"redis-sentinel://h1":                               "want the master's name after the addresses",
		"redis-sentinel://h1/":                              "want the master's name after the addresses",
		"redis-sentinel://h1//0":                            "want the master's name after the addresses",
		"redis-sentinel://h1/m/x":                           "the database is not a number",
		"redis-sentinel://h1/0/m":                           "the database is not a number",
		"redis-sentinel://h1/m/-1":                          "the database is not a number",
		"redis-sentinel://h1/m/0/0":                         "the database is not a number",
		"redis-sentinel://h1/m?master_name=n":               "the database is not a number",
		"redis-sentinel://h1/m?foo=1":                       "unknown parameter foo",
		"redis-sentinel://h1/m?password=q&foo=1":            "an unknown parameter; in a password write & as %26",
		"redis-sentinel://h1/m?sentinel_password=q&foo=1":   "an unknown parameter; in a password write & as %26",
		"redis-sentinel://h1/m?db=1&db=1":                   "parameter db comes 2 times",
		"redis-sentinel://h1/m?retry_time=1s&retry_time=1s": "parameter retry_time comes 2 times",
		"redis-sentinel://h1/m?sentinel_tls=no":             "sentinel_tls is not true or false",
		"redis-sentinel://u:p@h1/m?password=q":              "password is said twice",
		"redis-sentinel://h1/m?skip_verify=1":               "skip_verify has no meaning without TLS",
		"redis-sentinel://h1/m?addr=h2":                     "",
		"redis-sentinel://h1/m?addr=::1":                    "an IPv6 address stands in brackets",
		"redis://h?addr=h2:1":                               "addr needs sentinels",
		"redis://h?sentinel_password=x":                     "sentinel_password needs sentinels",
		"redis://h?read_only=true":                          "read_only is for Redis Cluster, which is not supported",
		"redis://h?retry_time=soon":                         "retry_time is not a duration",
		"redis://h?pool_size=many":                          "pool_size is not a number",
		"redis://h?max_lag=far":                             "max_lag is not a number of bytes",
		"redis://h?no_wait=perhaps":                         "no_wait is not true or false",
		"unix:///s?master_name=m":                           "master_name needs sentinels",
		"foo://h":                                           "the scheme is not redis",
	} {
		o, err := client.ParseURL(url)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", url, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "client: url: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q; %+v", url, err, want, o)
		}
	}
}

func TestNoTextOfAURLOfSentinelsShowsAPassword(t *testing.T) {
	for _, url := range []string{
		"redis-sentinel://u:12/s3cret@h1,h2/m", "redis-sentinel://u:12?s3cret@h1,h2/m", "redis-sentinel://u:12#s3cret@h1/m",
		"redis-sentinel://u:s3cret/x@h1/m", "redis-sentinel://u:s3cret?x@h1/m", "redis-sentinel://u:s3cret@h1/m/x",
		"redis-sentinel://u:s3cret@h1,u:s3cret@h2/m", "redis-sentinel://u:s3cret@h1:99999/m", "redis-sentinel://u:%s3cret@h1/m",
		"redis-sentinel://h1/m?password=12&s3cret", "redis-sentinel://h1/m?password=12&scret=s3cret&s3cret=1",
		"redis-sentinel://h1/m?password=12#s3cret", "redis-sentinel://h1/m?sentinel_password=%s3cret",
		"redis-sentinel://h1/m?sentinel_tls=s3cret", "redis-sentinel://u:x@h1/m?password=s3cret", "redis-sentinel://h1/m?password=a&sentinel_tls=s3cret",
		"redis://u:12/s3cret@h:1", "redis://u:12?s3cret@h:1", "redis://u:s3cret@h?master_name=m&addr=::1", "redis://u:12?retry_time=s3cret@h",
		"redis://u:12?master_name=s3cret@h&foo=1", "redis://u:12?addr=s3cret@h&master_name=m", "redis-sentinel://u:s3cret",
	} {
		o, err := client.ParseURL(url)
		if err == nil {
			t.Errorf("%s: accepted as %+v", url, o)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis-sentinel://u:p@h1,h2:1/m/2?db=3&pool_size=4")
	f.Add("redis://h?master_name=m&addr=h2:1")
	f.Fuzz(func(t *testing.T, url string) {
		o, err := client.ParseURL(url)
		if err == nil && o.Master == "" && o.Pool.Conn.Addr == "" {
			t.Errorf("%q became %s", url, fmt.Sprint(o))
		}
	})
}

// docs/from-go-redis.md has a row for each parameter, and says of no other one that it
// is ignored.
func TestTheTableOfParametersIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "from-go-redis.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| parameter of go-redis |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				rows[name] = strings.TrimSpace(cells[2])
			}
		}
	}
	for name, p := range goRedis {
		says, there := rows[name]
		if !there || strings.HasPrefix(says, "ignored") != (p.set == nil) {
			t.Errorf("%s: the table says %q", name, says)
		}
	}
}
