package redis

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// nowhere is a Doer that must not be asked.
type nowhere struct{ t *testing.T }

func (n nowhere) Do(_ context.Context, c resp.Command) (resp.Reply, error) {
	n.t.Errorf("%s was sent", Redacted(c))
	return resp.Reply{}, nil
}

func (n nowhere) DoBatch(_ context.Context, _ []resp.Command, _ func(int, resp.Value)) error {
	n.t.Error("a batch was sent")
	return nil
}

// refusal is a command that must not be sent, and why.
type refusal struct {
	why reason
	run func(ctx context.Context, d Doer) error
}

func bad[T any](why reason, c Cmd[T]) refusal {
	return refusal{why, func(ctx context.Context, d Doer) error { _, err := c.Do(ctx, d); return err }}
}

func TestArgumentsThatCannotBeMeantAreRefusedBeforeAnyIO(t *testing.T) {
	const tiny = time.Millisecond - 1
	seen := map[reason]bool{}
	for i, r := range []refusal{
		bad(badDuration, Expire("k", tiny)), bad(badDuration, Expire("k", -time.Second)), bad(badDuration, Expire("k", 0)),
		bad(badDuration, ExpireWith("k", 0, IfTTL)), bad(badDuration, SetWith("k", "v", SetOptions{TTL: tiny})), bad(badDuration, SetGet("k", "v", SetOptions{TTL: -1})),
		bad(badDuration, GetEx("k", ExpireOptions{TTL: tiny})), bad(badDuration, MSetEx(SetOptions{TTL: -1}, "k", "v")), bad(badDuration, IncrEx("k", 1, IncrExOptions[int64]{Expire: ExpireOptions{TTL: -1}})),
		bad(badDuration, Restore("k", nil, RestoreOptions{TTL: tiny}).Cmd()), bad(badDuration, Restore("k", nil, RestoreOptions{IdleTime: -1}).Cmd()), bad(badDuration, Migrate("h", 1, MigrateOptions{Timeout: -1}, "k")),
		bad(badDuration, HExpire("k", 0, "", "f")), bad(badDuration, HGetEx("k", ExpireOptions{TTL: -1}, "f")), bad(badDuration, HSetEx("k", HSetExOptions{TTL: tiny}, "f", "v")),
		bad(badDuration, BLPop(-time.Second, "k")), bad(badDuration, BRPop(tiny, "k")), bad(badDuration, BLMove(-1, "k", "l", Left, Left)), bad(badDuration, BLMPop(-1, Left, 1, "k")),
		bad(badDuration, BLMoveM(-1, "k", "l", Left, Left, Moving{})), bad(badDuration, BZPopMin(-1, "k")), bad(badDuration, BZPopMax(-1, "k")), bad(badDuration, BZMPop(-1, Lowest, 1, "k")),
		bad(badDuration, Wait(1, -1)), bad(badDuration, WaitAOF(1, 1, tiny)), bad(badDuration, XRead(XReadOptions{Block: tiny}, StreamID{"s", "0"})),
		bad(badDuration, XReadGroup("g", "c", XReadGroupOptions{Block: -1}, StreamID{"s", ">"})), bad(badDuration, XReadGroup("g", "c", XReadGroupOptions{Claim: tiny}, StreamID{"s", ">"})),
		bad(badDuration, XPendingRange("s", "g", 1, XPendingOptions{Idle: -1})), bad(badDuration, XClaim("s", "g", "c", -1, XClaimOptions{}, "1")), bad(badDuration, XClaimJustID("s", "g", "c", 0, XClaimOptions{Idle: tiny}, "1")),
		bad(badDuration, XAutoClaim("s", "g", "c", -1, "0", 1)), bad(badDuration, XAutoClaimJustID("s", "g", "c", tiny, "0", 1)), bad(badDuration, XCfgSet("s", XCfgSetOptions{Duration: -1}).Cmd()),
		bad(badDuration, ClientPause(0, false).Cmd()), bad(badDuration, ClientKill(ClientFilter{MinAge: tiny})), bad(badDuration, ClientList(ClientFilter{Idle: -1})),
		bad(badDuration, Failover(FailoverOptions{Timeout: -1}).Cmd()), bad(badDuration, HotKeysStart(HotKeysOptions{CPU: true, Duration: -1}).Cmd()),
		bad(badWeights, ZUnion(CombineOptions{Weights: []float64{1}}, "a", "b")), bad(badWeights, ZInterStore("to", CombineOptions{Weights: []float64{1, 2}}, "a")),
		bad(notInverted, ClientKill(ClientFilter{Not: &ClientFilter{MinAge: time.Hour}})), bad(notInverted, ClientList(ClientFilter{Not: &ClientFilter{Idle: time.Hour}})),
		bad(notInverted, ClientList(ClientFilter{Not: &ClientFilter{Self: Some(true)}})), bad(notInverted, ClientList(ClientFilter{Not: &ClientFilter{Not: &ClientFilter{}}})),
		bad(emptyFilter, ClientKill(ClientFilter{Not: &ClientFilter{}})),
		bad(badDuration, SetEx("k", "v", 0).Cmd()), bad(badDuration, SetEx("k", 7, 60).Cmd()),
		bad(emptyFilter, ClientKill(ClientFilter{})), bad(emptyFilter, ClientKill(ClientFilter{Self: Some(true)})), bad(emptyFilter, ARGrep("k", ARGrepOptions{})),
		bad(emptyVector, VAdd("k", "e", nil, VAddOptions{})),
		bad(negative, ZRangeByScore("k", MinScore, MaxScore, RangeOptions{Offset: -1})), bad(negative, Sort("k", SortOptions{Count: -1})), bad(negative, SInterCard(-1, "k")), bad(negative, XRange("s", "-", "+", -1)),
		bad(negative, LMPop(Left, -1, "k")), bad(negative, GeoSearch("k", GeoArea{Radius: 1}, GeoOptions{Count: -1})), bad(negative, XPendingRange("s", "g", -1, XPendingOptions{})), bad(negative, VRange("k", "-", "+", -1)),
		bad(negative, ScanPage(0, ScanOptions{Count: -1})), bad(negative, LPos("k", "v", LPosOptions{MaxLen: -1})),
		bad(noFields, HTTL("k")), bad(noFields, HGetDel("k")), bad(noFields, HSetMap("k", map[string]string{})),
		bad(noIDs, XDelEx("s", "")), bad(noIDs, XAckDel("s", "g", "")), bad(noIDs, XNack("s", "g", NackFail, XNackOptions{})),
		bad(noKeys, ZDiff()), bad(noKeys, LMPop(Left, 1)), bad(noKeys, Migrate("h", 1, MigrateOptions{})), bad(noKeys, SUnionCard(0, false)),
		bad(noMetric, HotKeysStart(HotKeysOptions{}).Cmd()),
		bad(noStreams, XRead(XReadOptions{})), bad(noStreams, XReadGroup("g", "c", XReadGroupOptions{})),
		bad(noThreshold, XTrim("s", TrimOptions{})), bad(noThreshold, XAdd("s", XAddOptions{Trim: TrimOptions{Approx: true}}, "f", "v")),
		bad(notANumber, ZAdd("k", Z{"m", math.NaN()})), bad(notANumber, GeoAdd("k", Place{"m", Point{math.NaN(), 0}})), bad(notANumber, IncrExFloat("k", math.NaN(), IncrExOptions[float64]{})),
		bad(nothingToSet, XCfgSet("s", XCfgSetOptions{}).Cmd()),
		bad(oddPairs, MSet("a").Cmd()), bad(oddPairs, MSet().Cmd()), bad(oddPairs, MSetNX("a", "1", "b")), bad(oddPairs, HSet("k", "f")), bad(oddPairs, XAdd("s", XAddOptions{}, "f")), bad(oddPairs, ConfigSet("a").Cmd()),
		bad(oddPairs, HSetEx("k", HSetExOptions{}, "f")), bad(oddPairs, SentinelSet("m").Cmd()), bad(oddPairs, SentinelConfigSet("p").Cmd()), bad(badDuration, SentinelDebugSet("p", 0).Cmd()), bad(oddPairs, ModuleLoadEx("p", ModuleLoadOptions{Config: []string{"a"}}).Cmd()),
		bad(stepWrites, BitFieldRO("k", BitSet("u8", 0, 1))),
		bad(typeOfScan, HScanPage("k", 0, ScanOptions{Type: "string"})),
	} {
		seen[r.why] = true
		err := r.run(t.Context(), nowhere{t})
		var arg *ArgError
		if !errors.As(err, &arg) || !strings.HasPrefix(arg.Reason, reasons[r.why]) {
			t.Errorf("row %d: %v, want %q", i, err, reasons[r.why])
		}
		if ClassOf(err) != ClassNotSent {
			t.Errorf("row %d: class %v", i, ClassOf(err))
		}
	}
	for _, c := range incomplete {
		noteReason(seen, c)
	}
	for _, c := range senseless() {
		noteReason(seen, c)
	}
	for r := fine + 1; int(r) < len(reasons); r++ {
		if reasons[r] == "" || !seen[r] {
			t.Errorf("reason %d (%s) has no text or no row", r, reasons[r])
		}
	}
}

// noteReason marks the reason for which a command is refused.
func noteReason(seen map[reason]bool, c interface{ Invalid() error }) {
	var arg *ArgError
	for r, text := range reasons {
		if errors.As(c.Invalid(), &arg) && text != "" && strings.HasPrefix(arg.Reason, text) {
			seen[reason(r)] = true
		}
	}
}

func TestForeverIsTheTimeoutZeroOfTheServer(t *testing.T) {
	for name, c := range map[string]resp.Command{
		"BLPOP k 0":             BLPop(Forever, "k").Command,
		"WAIT 1 0":              Wait(1, 0).Command,
		"XREAD BLOCK 0 STREAMS": XRead(XReadOptions{Block: Forever}, StreamID{"s", "$"}).Command,
	} {
		d, timed := c.Timeout()
		if d != 0 || !timed || c.Flags()&resp.Blocking == 0 {
			t.Errorf("%s: timeout %v %v", name, d, timed)
		}
	}
}

func TestACodecThatIsMissingIsAnErrorBeforeAnythingIsSent(t *testing.T) {
	for _, err := range []error{SetAs(nil, "k", 1, SetOptions{}).Invalid(), GetAs[int](nil, "k").Invalid()} {
		if err == nil || !strings.HasSuffix(err.Error(), "no codec") || ClassOf(err) != ClassNotSent {
			t.Error(err)
		}
	}
}
