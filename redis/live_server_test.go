package redis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/resp"
)

func TestScriptAndFunctionCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		src := `return {KEYS[1], ARGV[1], ARGV[2]}`
		args := []resp.Arg{resp.String("a"), resp.Int(2)}
		want(t, c, Eval(Texts, src, []string{"k"}, args...), []string{"k", "a", "2"})
		want(t, c, EvalRO(Texts, src, []string{"k"}, args...), []string{"k", "a", "2"})
		refused(t, c, EvalRO(OK, `return redis.call("SET", KEYS[1], 1)`, []string{"k"}), "Write commands are not allowed")
		refused(t, c, Eval(Int, `return nope(`, nil), "Error compiling script")
		ok(t, c, ScriptFlush(false))
		sha := get(t, c, ScriptLoad(src))
		want(t, c, ScriptExists(sha, "00"), []bool{true, false})
		want(t, c, EvalSha(Texts, sha, []string{"k"}, args...), []string{"k", "a", "2"})
		want(t, c, EvalShaRO(Texts, sha, []string{"k"}, args...), []string{"k", "a", "2"})
		ok(t, c, ScriptFlush(true))
		fails(t, c, EvalSha(Texts, sha, nil), ErrNoScript)
		fails(t, c, ScriptKill().Cmd(), ErrNotBusy)
		want(t, c, Eval(OptInts, `return {1, false}`, nil), []Opt[int64]{Some[int64](1), {}})

		lib := "#!lua name=lib\nredis.register_function('inc', function(k, a) return redis.call('INCRBY', k[1], a[1]) end)\n" +
			"redis.register_function{function_name='one', callback=function() return 1 end, flags={'no-writes'}, description='says 1'}"
		want(t, c, FunctionLoad(lib, false), "lib")
		refused(t, c, FunctionLoad(lib, false), "already exists")
		want(t, c, FunctionLoad(lib, true), "lib")
		want(t, c, FCall(Int, "inc", []string{"n"}, resp.Int(5)), 5)
		want(t, c, FCallRO(Int, "one", nil), 1)
		refused(t, c, FCallRO(Int, "inc", []string{"n"}, resp.Int(5)), "write")
		libs := get(t, c, FunctionList(FunctionListOptions{WithCode: true}))
		check(t, "one library", len(libs) == 1 && libs[0].Name == "lib" && libs[0].Engine == "LUA" && libs[0].Code == lib && len(libs[0].Functions) == 2)
		for _, f := range libs[0].Functions {
			check(t, "function", f.Name == "inc" || f.Description == "says 1" && slices.Equal(f.Flags, []string{"no-writes"}))
		}
		want(t, c, FunctionStats(), FunctionStatus{Engines: map[string]EngineStatus{"LUA": {1, 2}}})
		dump := get(t, c, FunctionDump())
		ok(t, c, FunctionDelete("lib"))
		ok(t, c, FunctionRestore(dump, RestoreAppend))
		refused(t, c, FunctionRestore(dump, "").Cmd(), "already exists")
		ok(t, c, FunctionFlush(true))
		fails(t, c, FunctionKill().Cmd(), ErrNotBusy)
	})
}

func TestConnectionCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, Ping(), "PONG")
		want(t, c, PingText("hi"), "hi")
		want(t, c, Echo("\x00"), "\x00")
		id := get(t, c, ClientID())
		i := get(t, c, ClientInfo())
		check(t, "client info", i.ID == id && i.Addr != "" && i.LocalAddr != "" && i.User == "default" && i.Command == "client|info" && i.Fields["fd"] != "")
		cs := get(t, c, ClientList(ClientFilter{IDs: []int64{id}}))
		check(t, "client list", len(cs) == 1 && cs[0].ID == id)
		check(t, "no subscribers", len(get(t, c, ClientList(ClientFilter{Type: ClientPubSub}))) == 0)
		if since(t, c, "", "9.0") {
			others := ClientFilter{Not: &ClientFilter{IDs: []int64{id}, Type: ClientPubSub, Name: "n", Flags: "S", LibName: "l", LibVer: "v", DB: Some[int64](7), IP: "1.2.3.4", User: ""}}
			check(t, "all but this client", !slices.ContainsFunc(get(t, c, ClientList(others)), func(i ClientConn) bool { return i.ID == id }))
			others.Not.IDs = []int64{99999999}
			check(t, "this client too", slices.ContainsFunc(get(t, c, ClientList(others)), func(i ClientConn) bool { return i.ID == id }))
			want(t, c, ClientKill(ClientFilter{Not: &ClientFilter{Type: ClientNormal}}), 0)
		}
		fails(t, c, ClientGetName(), ErrNil)
		want(t, c, ClientKill(ClientFilter{IDs: []int64{99999999}}), 0)
		ok(t, c, ClientPause(time.Millisecond, true))
		ok(t, c, ClientUnpause())
		want(t, c, ClientUnblock(99999999, false), false)
		want(t, c, ClientGetRedir(), -1)
		want(t, c, ClientTrackingInfo(), Tracking{Flags: []string{"off"}, Redirect: -1, Prefixes: []string{}})
		want(t, c, Publish("ch", "m"), 0)
		want(t, c, SPublish("ch", []byte("m")), 0)
		want(t, c, PubSubChannels(""), []string{})
		want(t, c, PubSubNumPat(), 0)
		want(t, c, PubSubNumSub("a"), map[string]int64{"a": 0})
		want(t, c, PubSubShardChannels("*"), []string{})
		want(t, c, PubSubShardNumSub("a"), map[string]int64{"a": 0})
	})
}

func TestServerCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		check(t, "version", get(t, c, Info("server"))["redis_version"] != "")
		check(t, "all sections", get(t, c, Info())["role"] == "master")
		ok(t, c, Set("k", "v"))
		info := get(t, c, InfoSections("keyspace", "replication"))
		check(t, "two sections", len(info) == 2 && info["replication"]["role"] == "master" && InfoValue(info["keyspace"]["db0"])["keys"] == "1")
		clock := get(t, c, Time())
		check(t, "clock", time.Since(clock).Abs() < time.Hour)
		check(t, "last save", !get(t, c, LastSave()).IsZero())
		ok(t, c, ConfigSet("slowlog-log-slower-than", "0", "latency-monitor-threshold", "1"))
		want(t, c, ConfigGet("slowlog-log-slower-than", "no-such"), map[string]string{"slowlog-log-slower-than": "0"})
		refused(t, c, ConfigSet("no-such", "1").Cmd(), "Unknown option")
		ok(t, c, ConfigResetStat())
		refused(t, c, ConfigSet("maxclients", "none").Cmd(), "argument couldn't be parsed")
		ok(t, c, ConfigRewrite())
		ok(t, c, FlushDB(true))
		want(t, c, DBSize(), 0)
		ok(t, c, MSet("a", "1", "b", "2"))
		ok(t, c, FlushAll(true))
		want(t, c, DBSize(), 0)
		check(t, "an older picture", strings.Contains(get(t, c, LolWutVersion(5, 10, 2, 3)), " ver"))
		check(t, "a picture", strings.Contains(get(t, c, LolWut()), " ver"))
		get(t, c, Incr("n"))
		log := get(t, c, SlowLogGet(-1))
		check(t, "slow log", len(log) > 1 && slices.Equal(log[0].Args, []string{"INCR", "n"}) && log[0].Addr != "" && log[0].Duration >= 0 && time.Since(log[0].Time).Abs() < time.Hour)
		check(t, "slow log", get(t, c, SlowLogLen()) > 1)
		ok(t, c, ConfigSet("slowlog-log-slower-than", "-1")) // on a loaded machine anything may be slow
		ok(t, c, SlowLogReset())
		check(t, "empty", get(t, c, SlowLogLen()) == 0)

		want(t, c, Role(), RoleInfo{Role: "master", Offset: get(t, c, Role()).Offset, Replicas: []ReplicaInfo{}})
		refused(t, c, Failover(FailoverOptions{}).Cmd(), "connected replicas")
		refused(t, c, FailoverAbort().Cmd(), "No failover in progress")
		refused(t, c, Shutdown(ShutdownOptions{Cancel: true}).Cmd(), "No shutdown in progress")
		check(t, "commands", get(t, c, CommandCount()) > 200)
		want(t, c, CommandList(CommandFilter{Pattern: "xr*"}), get(t, c, CommandList(CommandFilter{Pattern: "xr*"})))
		infos := get(t, c, Commands("get", "nosuch", "config"))
		check(t, "command info", len(infos) == 3 && infos[0].Value.Arity == 2 && infos[0].Value.FirstKey == 1 && !infos[1].OK && len(infos[2].Value.Subcommands) > 3)
		docs := get(t, c, CommandDocs("getset", "config"))
		deprecated := "6.2.0"
		if since(t, c, "", "9.1") {
			deprecated = "" // taken back
		}
		check(t, "command docs", docs["getset"].DeprecatedSince == deprecated && docs["getset"].Group == "string" && len(docs["config"].Subcommands) > 3)
		want(t, c, CommandGetKeys("MSET", "a", "1", "b", "2"), []string{"a", "b"})
		want(t, c, CommandGetKeysAndFlags("GET", "a"), []KeyFlags{{"a", []string{"RO", "access"}}})
		refused(t, c, CommandGetKeys("PING", "x"), "no key arguments")

		want(t, c, LatencyReset("none"), 0)
		want(t, c, LatencyHistory("none"), []LatencySample{})
		_ = get(t, c, LatencyLatest())
		check(t, "doctor", get(t, c, LatencyDoctor()) != "")
		refused(t, c, LatencyGraph("none"), "No samples")
		h := get(t, c, LatencyHistogram("incr"))
		check(t, "histogram", h["incr"].Calls > 0 && len(h["incr"].Buckets) > 0)
		m := get(t, c, MemoryStats())
		check(t, "memory stats", m["total.allocated"] > 0 && m["db.0.overhead.hashtable.main"] > 0)
		check(t, "doctor", get(t, c, MemoryDoctor()) != "")
		check(t, "malloc", get(t, c, MemoryMallocStats()) != "")
		ok(t, c, MemoryPurge())
		for _, m := range get(t, c, ModuleList()) { // Redis 8 has some of its own
			check(t, "a module", m.Name != "" && m.Version > 0)
		}
		refused(t, c, ModuleLoad("/none.so").Cmd(), "ERR")
		refused(t, c, ModuleLoadEx("/none.so", ModuleLoadOptions{Args: []string{"a"}}).Cmd(), "ERR")
		refused(t, c, ModuleUnload("none").Cmd(), "ERR")
	})
}

func TestACLCommandsOnARealServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		want(t, c, ACLWhoAmI(), "default")
		ok(t, c, ACLSetUser("carl", "on", ">secret", "~app:*", "&ch", "+get", "(~other:* +set)"))
		want(t, c, ACLUsers(), []string{"carl", "default"})
		u := get(t, c, ACLGetUser("carl"))
		check(t, "user", slices.Contains(u.Flags, "on") && len(u.Passwords) == 1 && u.Commands == "-@all +get" && u.Keys == "~app:*" && u.Channels == "&ch" &&
			len(u.Selectors) == 1 && u.Selectors[0].Keys == "~other:*")
		fails(t, c, ACLGetUser("none"), ErrNil)
		check(t, "rules", len(get(t, c, ACLList())) == 2)
		want(t, c, ACLDryRun("carl", "GET", "app:1"), "OK")
		check(t, "why not", strings.Contains(get(t, c, ACLDryRun("carl", "DEL", "app:1")), "no permissions"))
		check(t, "categories", slices.Contains(get(t, c, ACLCat("")), "read"))
		check(t, "commands", slices.Contains(get(t, c, ACLCat("read")), "get"))
		refused(t, c, ACLCat("none"), "Unknown category")
		check(t, "64 digits", len(get(t, c, ACLGenPass(0))) == 64)
		check(t, "2 digits", len(get(t, c, ACLGenPass(5))) == 2)
		ok(t, c, ACLLogReset())
		refused(t, c, New(OK, "AUTH", "carl", "wrong"), "WRONGPASS")
		log := get(t, c, ACLLog(0))
		check(t, "log", len(log) == 1 && log[0].Reason == "auth" && log[0].User == "carl" && log[0].Count == 1 && log[0].Age < time.Hour && log[0].Client != "")
		check(t, "log", len(get(t, c, ACLLog(5))) == 1)
		refused(t, c, ACLLoad().Cmd(), "not configured to use an ACL file")
		refused(t, c, ACLSave().Cmd(), "not configured to use an ACL file")
		want(t, c, ACLDelUser("carl", "none"), 1)
	})
}

func TestReplicationAndPersistenceOnARealServer(t *testing.T) {
	master := testredis.New(t)
	replica := testredis.New(t)
	m, err := conn.Dial(t.Context(), conn.Options{Addr: master.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := conn.Dial(t.Context(), conn.Options{Addr: replica.Addr(), Protocol: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	ok(t, m, Save())
	check(t, "background save", strings.HasPrefix(get(t, m, BGSave(true)), "Background saving"))
	check(t, "rewrite", strings.Contains(get(t, m, BGRewriteAOF()), "append only file rewriting"))

	ok(t, r, ReplicaOf(master.Host(), port(t, master.Addr())))
	leak.Eventually(t, leak.DefaultWait, "the link is up", func() bool {
		return get(t, r, Role()).State == "connected" && len(get(t, m, Role()).Replicas) == 1
	})
	role := get(t, r, Role())
	check(t, "a slave", role.Role == "slave" && role.MasterHost == master.Host() && role.MasterPort == int64(port(t, master.Addr())))
	ok(t, m, Set("k", "v"))
	want(t, m, Wait(1, leak.DefaultWait), 1)
	want(t, r, Get("k"), "v")
	fails(t, r, Set("k", "w").Cmd(), ErrReadOnly)
	check(t, "class", ClassOf(Set("k", "w").Do(t.Context(), r)) == ClassRejected)
	ok(t, r, ReplicaOfNoOne())
	ok(t, r, Set("k", "w"))

	err = Shutdown(ShutdownOptions{Save: Some(false)}).Do(t.Context(), r)
	check(t, "the connection ended", ClassOf(err) == ClassMaybeExecuted)
}

func port(t *testing.T, addr string) (n int) {
	t.Helper()
	for _, d := range addr[strings.LastIndexByte(addr, ':')+1:] {
		n = 10*n + int(d-'0')
	}
	return n
}

func TestRowsOfClientsAndFieldsOfInfoAreReadWhole(t *testing.T) {
	row := parseClient("id=3 addr=/tmp/my redis dir/s.sock:0 laddr=/tmp/my redis dir/s.sock:0 fd=8 name= age=7 cmd=client|list user=default lib-name= tot-mem=22")
	check(t, "path", row.Addr == "/tmp/my redis dir/s.sock:0" && row.LocalAddr == row.Addr && row.Fields["fd"] == "8")
	check(t, "the rest", row.ID == 3 && row.Age == 7*time.Second && row.User == "default" && row.Name == "" && row.Command == "client|list" && len(row.Fields) == 10)
	text := resp.AppendBulk(nil, "# Modules\r\nmodule:name=a,ver=1\r\nmodule:name=b,ver=2\r\n# CPU\r\nx:1\r\n")
	info, err := infoFields(resp.Value(text))
	check(t, "both modules", err == nil && info["module"] == "name=a,ver=1"+InfoRepeated+"name=b,ver=2" && info["x"] == "1")
	sections, err := infoSections(resp.Value(text))
	check(t, "by section", err == nil && len(strings.Split(sections["modules"]["module"], InfoRepeated)) == 2)
}
