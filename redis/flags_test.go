package redis

import (
	"slices"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// argued are commands whose flags depend on arguments that [resp.Command.Flagged]
// does not read.
var argued = []string{"ACL LOG", "SENTINEL CONFIG", "SENTINEL DEBUG", "SENTINEL IS-MASTER-DOWN-BY-ADDR", "XADD"}

func TestCommandsByNameHaveTheFlagsOfTheTypedOnes(t *testing.T) {
	for _, row := range allCases() {
		args := make([]resp.Arg, row.cmd.NArgs())
		for i := range args {
			args[i] = row.cmd.Arg(i)
		}
		typed, named := row.cmd, resp.NewCommand(row.cmd.Name(), args...).Flagged()
		if typed.Flags() != named.Flags() && !slices.Contains(argued, row.name()) {
			t.Errorf("%s: flags %q, by its name %q", row.words, flagLetters(typed.Flags()), flagLetters(named.Flags()))
		}
		if named.Flags()&^typed.Flags() != 0 {
			t.Errorf("%s: by its name it may do more: %q, typed %q", row.words, flagLetters(named.Flags()), flagLetters(typed.Flags()))
		}
		wait, timed := typed.Timeout()
		if w, ok := named.Timeout(); w != wait || ok != timed {
			t.Errorf("%s: waits %v %v, by its name %v %v", row.words, wait, timed, w, ok)
		}
		if resp.IsStateful(row.cmd.Name()) {
			t.Errorf("%s is refused on shared connections: %s is of no use", row.cmd.Name(), row.fn)
		}
	}
}

func TestACommandThatWritesIsNotRepeatedByItself(t *testing.T) {
	for _, c := range []resp.Command{
		Set("k", "v").Command, SetWith("k", "v", SetOptions{KeepTTL: true}).Command, Del("k").Command, Expire("k", 1e9).Command, ExpireAt("k", later).Command, Persist("k").Command,
		HSet("k", "f", "v").Command, HDel("k", "f").Command, SAdd("k", "m").Command, SRem("k", "m").Command, ZAdd("k", Z{"m", 1}).Command, ZRem("k", "m").Command,
		LPush("k", "v").Command, LPop("k").Command, LSet("k", 0, "v").Command, Incr("k").Command, GetDel("k").Command, GetEx("k", ExpireOptions{}).Command, SPop("k").Command,
		XAdd("k", XAddOptions{}, "f", "v").Command, XAck("k", "g", "1").Command, XReadGroup("g", "c", XReadGroupOptions{}, StreamID{"k", FreshID}).Command, XClaim("k", "g", "c", 0, XClaimOptions{}, "1").Command,
		Publish("c", "m").Command, Eval(Int, "return 1", nil).Command, FCall(Int, "f", nil).Command, Rename("a", "b").Command, Copy("a", "b", CopyOptions{}).Command, SwapDB(0, 1).Command, FlushAll(false).Command,
		ConfigSet("a", "1").Command, ACLSetUser("u").Command, SentinelFailover("m").Command, BitField("k", BitGet("u8", 0)).Command, Sort("k", SortOptions{}).Command, PFAdd("k", "e").Command, GeoAdd("k").Command,
	} {
		if c.Flags()&(resp.ReadOnly|resp.Idempotent) != 0 {
			t.Errorf("%s would be repeated", c.Name())
		}
	}
}
