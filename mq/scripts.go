package mq

import (
	_ "embed" // the scripts

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

//go:embed lua/head.lua
var headLua string

//go:embed lua/body.lua
var bodyLua string

//go:embed lua/key.lua
var keyLua string

//go:embed lua/result.lua
var resultLua string

//go:embed lua/limit.lua
var limitLua string

//go:embed lua/limited.lua
var limitedLua string

//go:embed lua/group.lua
var groupLua string

//go:embed lua/lane.lua
var laneLua string

//go:embed lua/open.lua
var openLua string

//go:embed lua/enqueue.lua
var enqueueLua string

//go:embed lua/schedule.lua
var scheduleLua string

//go:embed lua/step.lua
var stepLua string

//go:embed lua/extend.lua
var extendLua string

//go:embed lua/recover.lua
var recoverLua string

//go:embed lua/status.lua
var statusLua string

//go:embed lua/list.lua
var listLua string

//go:embed lua/stats.lua
var statsLua string

//go:embed lua/pause.lua
var pauseLua string

//go:embed lua/cancel.lua
var cancelLua string

//go:embed lua/redrive.lua
var redriveLua string

//go:embed lua/purge.lua
var purgeLua string

//go:embed lua/repair.lua
var repairLua string

// The scripts. All but a step that claims may be repeated: what is enqueued has a
// lane, what is settled or prolonged a token.
var (
	enqueueScript = redis.NewScript(headLua+keyLua+groupLua+laneLua+enqueueLua, redis.Text)
	tickScript    = redis.NewScript(headLua+keyLua+groupLua+scheduleLua+laneLua+enqueueLua, redis.Text).Idempotent()
	groupScript   = redis.NewScript(headLua+keyLua+groupLua+laneLua+openLua+enqueueLua, redis.Text).Idempotent()
	stepScript    = redis.NewScript(headLua+keyLua+groupLua+bodyLua+stepLua, decodeStep)
	extendScript  = redis.NewScript(headLua+extendLua, decodeExtended).Idempotent()
	recoverScript = redis.NewScript(headLua+recoverLua, decodeRecovered).Idempotent()
	statusScript  = redis.NewScript(headLua+statusLua, decodeStatus).Idempotent()
	listScript    = redis.NewScript(headLua+listLua, decodeList).Idempotent()
	statsScript   = redis.NewScript(headLua+statsLua, decodeStats).Idempotent()
	pauseScript   = redis.NewScript(headLua+pauseLua, redis.Int).Idempotent()
	cancelScript  = redis.NewScript(headLua+keyLua+groupLua+cancelLua, redis.Text)
	redriveScript = redis.NewScript(headLua+keyLua+redriveLua, redis.Text)
	purgeScript   = redis.NewScript(headLua+keyLua+groupLua+purgeLua, redis.Int)
	resultScript  = redis.NewScript(headLua+resultLua, redis.Bytes).Idempotent()
	limitScript   = redis.NewScript(headLua+limitLua+keyLua+limitedLua, redis.Text).Idempotent()
	repairScript  = redis.NewScript(headLua+keyLua+groupLua+repairLua, redis.Ints)
)

// settledLetters are the results of a step, of prolonging and of cancelling.
const (
	letterDone = '1'
	letterLost = '0'
	letterGone = '-'
	letterOOM  = 'o'
)

func ints(n ...int64) []resp.Arg {
	out := make([]resp.Arg, len(n))
	for i, v := range n {
		out[i] = resp.Int(v)
	}
	return out
}
