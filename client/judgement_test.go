package client

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

var (
	readOnlyError = &resp.Error{Code: "READONLY", Message: "You can't write against a read only replica."}
	loadingError  = &resp.Error{Code: "LOADING", Message: "Redis is loading the dataset in memory"}
	oddError      = &resp.Error{Code: "NOPERM", Message: "odd"}
)

func connError(class conn.Class, sent int) error {
	return &conn.Error{Op: conn.OpRead, Class: class, Sent: sent, Err: io.EOF}
}

func TestWhatOfABatchMayBeSentAgain(t *testing.T) {
	const most = 3
	read, write := redis.Get("k").Command, redis.Incr("k").Command
	kept := func(n int) []resp.Value { return make([]resp.Value, n) }
	for name, test := range map[string]struct {
		cmds           []resp.Command
		first, given   int
		kept           []resp.Value
		mixed          bool
		err            error
		counted        int
		want           bool
		countedAfter   int
		unlimitedTries bool
	}{
		"all were refused for a while":           {cmds: []resp.Command{write, write}, kept: kept(2), err: loadingError, counted: most, want: true, countedAfter: most},
		"the rest was":                           {cmds: []resp.Command{write, write, write}, given: 1, kept: kept(2), err: loadingError, want: true},
		"the rest was, but for one":              {cmds: []resp.Command{write, write, write}, given: 1, kept: kept(1), err: loadingError},
		"one behind it was executed":             {cmds: []resp.Command{write, write}, kept: kept(2), mixed: true, err: loadingError},
		"a transaction":                          {cmds: []resp.Command{write}, kept: kept(1), err: &resp.Error{Code: "EXECABORT"}},
		"all were refused":                       {cmds: []resp.Command{write}, kept: kept(1), err: oddError, counted: most - 1, want: true, countedAfter: most},
		"all were refused, too often":            {cmds: []resp.Command{write}, kept: kept(1), err: oddError, counted: most, countedAfter: most + 1},
		"another error":                          {cmds: []resp.Command{read}, err: errors.New("odd")},
		"not sent":                               {cmds: []resp.Command{write, write}, err: connError(conn.ClassNotSent, 0), counted: most, want: true, countedAfter: most},
		"not sent, with replies that are kept":   {cmds: []resp.Command{write, write}, kept: kept(1), err: connError(conn.ClassNotSent, 0)},
		"reads":                                  {cmds: []resp.Command{read, read}, err: connError(conn.ClassMaybeExecuted, 2), want: true, countedAfter: 1},
		"reads, often enough":                    {cmds: []resp.Command{read}, err: connError(conn.ClassMaybeExecuted, 1), counted: most - 1, want: true, countedAfter: most},
		"reads, too often":                       {cmds: []resp.Command{read}, err: connError(conn.ClassMaybeExecuted, 1), counted: most, countedAfter: most},
		"writes":                                 {cmds: []resp.Command{write}, err: connError(conn.ClassMaybeExecuted, 1), countedAfter: 1},
		"writes, and it is not known how many":   {cmds: []resp.Command{write}, err: connError(conn.ClassMaybeExecuted, 0), countedAfter: 1},
		"a write that was answered, and a read":  {cmds: []resp.Command{write, read}, given: 1, err: connError(conn.ClassMaybeExecuted, 2), want: true, countedAfter: 1},
		"all that were sent were answered":       {cmds: []resp.Command{write, write, write}, given: 2, err: connError(conn.ClassMaybeExecuted, 2), want: true},
		"all but one that were sent":             {cmds: []resp.Command{write, write, write}, given: 1, err: connError(conn.ClassMaybeExecuted, 2), countedAfter: 1},
		"all of this attempt that were sent":     {cmds: []resp.Command{write, write, write}, first: 1, given: 2, err: connError(conn.ClassMaybeExecuted, 1), want: true},
		"all but one of this attempt":            {cmds: []resp.Command{write, write, write}, first: 1, given: 2, err: connError(conn.ClassMaybeExecuted, 2), countedAfter: 1},
		"a server's refusal of the whole":        {cmds: []resp.Command{read}, err: connError(conn.ClassRejected, 0)},
		"a read that is kept, of one unanswered": {cmds: []resp.Command{read, read}, kept: kept(1), err: connError(conn.ClassMaybeExecuted, 2)},
	} {
		c := &Client{opts: Options{MaxRetries: most}}
		cmds := resp.BatchOf(test.cmds)
		r := &run{client: c, cmds: &cmds, first: test.first, given: test.given, kept: test.kept, mixed: test.mixed}
		b := budget{counted: test.counted}
		if got := c.resendable(r, test.err, &b); got != test.want || b.counted != test.countedAfter {
			t.Errorf("%s: %v, counted %d; want %v, %d", name, got, b.counted, test.want, test.countedAfter)
		}
	}
}

func TestWhatAReplyIsWorth(t *testing.T) {
	for name, test := range map[string]struct {
		now   target
		by    target
		since time.Duration
		write bool
		want  trust
	}{
		"nothing has happened":               {now: target{generation: 1}, by: target{generation: 1}, write: true, want: good},
		"of another master":                  {now: target{generation: 2}, by: target{generation: 1}, want: void},
		"before there was one":               {now: target{generation: 1}, by: target{}, want: void},
		"of one that has handed over":        {now: target{generation: 2, heir: 1}, by: target{generation: 1}, write: true, want: good},
		"of one before that":                 {now: target{generation: 3, heir: 2}, by: target{generation: 1}, write: true, want: void},
		"a read in a hold":                   {now: target{generation: 1, held: true}, by: target{generation: 1}, since: time.Second, want: good},
		"a write in a hold":                  {now: target{generation: 1, held: true}, by: target{generation: 1}, since: holdGrace + 1, write: true, want: unproved},
		"a write in its first moment":        {now: target{generation: 1, held: true}, by: target{generation: 1}, since: holdGrace, write: true, want: good},
		"a write in a hold that is harmless": {now: target{generation: 1, held: true, calm: true}, by: target{generation: 1}, since: time.Second, write: true, want: good},
		"a write without a quorum":           {now: target{generation: 1}, by: target{generation: 1, strict: true}, write: true, want: lapsed},
		"a read without a quorum":            {now: target{generation: 1}, by: target{generation: 1, strict: true}, want: good},
	} {
		ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
			test.now.since = time.Now().Add(-test.since)
			c.target.Store(&test.now)
			if got := c.weigh(&test.by, test.write); got != test.want {
				t.Errorf("%s: %d, want %d", name, got, test.want)
			}
			c.set(func(now *target) { now.held = false })
		})
	}
}

func TestWhenAnotherTargetIsWorthAnAttempt(t *testing.T) {
	p := &pool.Pool{}
	one := &target{addr: "a:1", generation: 1, pool: p}
	held := &target{addr: "a:1", generation: 1, pool: p, held: true}
	again := &target{addr: "a:1", generation: 2, pool: p}
	other := &target{addr: "b:1", generation: 2, pool: p}
	none := &target{addr: "a:1"}
	for name, test := range map[string]struct {
		before, now *target
		cause       error
		want        bool
	}{
		"the same":                                 {one, one, ErrHeld, false},
		"another server":                           {one, other, io.EOF, true},
		"there was none":                           {none, one, io.EOF, true},
		"a hold has ended":                         {held, one, connErr(ErrHeld), true},
		"there is a quorum":                        {held, one, connErr(ErrNoQuorum), true},
		"the connections are new":                  {one, again, connErr(ErrSwitched), true},
		"only the hold is":                         {one, held, connErr(ErrSwitched), false},
		"the same server, which has hung up":       {one, again, io.EOF, false},
		"the same server, which has refused":       {one, again, readOnlyError, false},
		"the same server, and a hold that goes on": {one, held, io.EOF, false},
	} {
		if got := elsewhere(test.before, test.now, test.cause); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func connErr(cause error) error {
	return &conn.Error{Op: conn.OpWait, Class: conn.ClassNotSent, Err: cause}
}

func TestWhatErrorsMeanForAnotherAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		got, want bool
	}{
		"a failure may be over when PING is answered": {revivable(io.EOF), true},
		"so may LOADING":                         {revivable(loadingError), true},
		"so may MASTERDOWN":                      {revivable(&resp.Error{Code: "MASTERDOWN"}), true},
		"READONLY is not":                        {revivable(readOnlyError), false},
		"LOADING passes":                         {passes(loadingError), true},
		"READONLY passes":                        {passes(readOnlyError), true},
		"too many clients pass":                  {passes(&resp.Error{Code: "ERR", Message: "max number of clients reached"}), true},
		"NOPERM does not":                        {passes(oddError), false},
		"WAIT waits":                             {waits("WAIT"), true},
		"WAITAOF waits":                          {waits("WAITAOF"), true},
		"GET does not":                           {waits("GET"), false},
		"a closed client is final":               {final(connErr(ErrClosed)), true},
		"a stateful command is":                  {final(connErr(conn.ErrStateful)), true},
		"a password is":                          {final(connErr(&conn.AuthError{Err: oddError})), true},
		"a certificate is":                       {final(&conn.Error{Permanent: true, Err: io.EOF}), true},
		"a hold is not":                          {final(connErr(ErrHeld)), false},
		"sentinels that refuse a password are":   {final(connErr(&sentinel.ResolveError{Attempts: []sentinel.Attempt{{Err: &conn.AuthError{Err: oddError}}}})), true},
		"sentinels that do not answer are not":   {final(connErr(&sentinel.ResolveError{Attempts: []sentinel.Attempt{{Err: &conn.AuthError{Err: oddError}}, {Err: io.EOF}}})), false},
		"BUSY is busy":                           {isBusy(&resp.Error{Code: "BUSY"}), true},
		"LOADING is not busy":                    {isBusy(loadingError), false},
		"a failure is not busy":                  {isBusy(io.EOF), false},
		"no word in the handshake":               {hungUpOn(&conn.Error{Op: conn.OpHandshake, Err: io.EOF}), true},
		"a reset in the handshake":               {hungUpOn(&conn.Error{Op: conn.OpHandshake, Err: syscall.ECONNRESET}), true},
		"a refusal in the handshake":             {hungUpOn(&conn.Error{Op: conn.OpHandshake, Err: loadingError}), false},
		"no word later":                          {hungUpOn(&conn.Error{Op: conn.OpRead, Err: io.EOF}), false},
		"no word, and it is not known when":      {hungUpOn(io.EOF), false},
		"closed by its owner":                    {ownDoing(conn.ErrClosed), true},
		"ended by a call":                        {ownDoing(&conn.Error{Op: conn.OpWait, Err: io.EOF}), true},
		"ended by a stream":                      {ownDoing(&conn.Error{Op: conn.OpStream, Err: io.EOF}), true},
		"ended by a switch":                      {ownDoing(&conn.Error{Op: conn.OpRead, Err: ErrSwitched}), true},
		"ended by the server":                    {ownDoing(&conn.Error{Op: conn.OpRead, Err: io.EOF}), false},
		"freed by hand":                          {answered(cmdOf("BLPOP"), &resp.Error{Code: "UNBLOCKED", Message: byHand}), true},
		"freed by a demotion":                    {answered(cmdOf("BLPOP"), &resp.Error{Code: "UNBLOCKED", Message: "force unblock"}), false},
		"WAIT freed by a demotion":               {answered(cmdOf("WAIT"), &resp.Error{Code: "UNBLOCKED", Message: "force unblock"}), true},
		"WAITAOF freed by a demotion":            {answered(cmdOf("WAITAOF"), &resp.Error{Code: "UNBLOCKED", Message: "force unblock"}), true},
		"WAIT on a server that loads":            {answered(cmdOf("WAIT"), loadingError), false},
		"SCRIPT KILL kills":                      {kills(cmdOf("SCRIPT", "kill")), true},
		"SCRIPT KILL kills in one word":          {kills(cmdOf("SCRIPT KILL")), true},
		"FUNCTION KILL kills":                    {kills(cmdOf("function", "KILL")), true},
		"SHUTDOWN NOSAVE kills":                  {kills(cmdOf("SHUTDOWN", "NOSAVE")), true},
		"SHUTDOWN does not":                      {kills(cmdOf("SHUTDOWN")), false},
		"SCRIPT LOAD does not":                   {kills(cmdOf("SCRIPT", "LOAD", "x")), false},
		"FUNCTION LOAD does not":                 {kills(cmdOf("FUNCTION", "LOAD", "x")), false},
		"SCRIPT KILL with more":                  {kills(cmdOf("SCRIPT KILL", "x")), true},
		"a plain refusal is notable":             {notable(cmdOf("SET"), resp.Value("-READONLY You can't write against a read only replica.\r\n")), true},
		"what a script has met is notable":       {notable(cmdOf("EVAL"), resp.Value("-READONLY You can't write against a read only replica. script: x, on @user_script:1.\r\n")), true},
		"an error of the command is not notable": {notable(cmdOf("GET"), resp.Value("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")), false},
		"a reply is not notable":                 {notable(cmdOf("GET"), resp.Value("+x\r\n")), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v", name, test.got)
		}
	}
}

func cmdOf(name string, args ...string) *resp.Command {
	all := make([]resp.Arg, len(args))
	for i, a := range args {
		all[i] = resp.String(a)
	}
	cmd := resp.NewCommand(name, all...)
	return &cmd
}

func TestACallThatIsGivenUpKeepsItsClassAndCause(t *testing.T) {
	for name, test := range map[string]struct {
		retry    time.Duration
		attempts int
		ctx      context.Context
		cause    error
		same     bool
		class    conn.Class
		op       string
	}{
		"it was not to be tried again":         {-1, 1, context.Background(), readOnlyError, true, conn.ClassRejected, ""},
		"nor when a dial had not begun":        {-1, 0, context.Background(), readOnlyError, true, conn.ClassRejected, ""},
		"it was tried twice":                   {-1, 2, context.Background(), readOnlyError, false, conn.ClassNotSent, conn.OpWait},
		"its context has ended":                {-1, 1, endedContext(), readOnlyError, false, conn.ClassNotSent, conn.OpWait},
		"its time is over":                     {0, 1, context.Background(), connError(conn.ClassMaybeExecuted, 1), false, conn.ClassMaybeExecuted, conn.OpRead},
		"what another one has failed with":     {0, 0, context.Background(), connError(conn.ClassMaybeExecuted, 1), false, conn.ClassNotSent, conn.OpWait},
		"a refusal":                            {0, 3, context.Background(), loadingError, false, conn.ClassNotSent, conn.OpWait},
		"a cause that was certainly not, once": {0, 1, context.Background(), connErr(ErrHeld), false, conn.ClassNotSent, conn.OpWait},
	} {
		ofOne(t, Options{RetryTime: test.retry}, func(t *testing.T, _ *testserver.Server, c *Client) {
			b := &budget{what: "X", attempts: test.attempts, began: time.Now().Add(-time.Minute)}
			err := c.gaveUp(test.ctx, b, test.cause)
			if test.same {
				if _, retried := errors.AsType[*RetryError](err); retried || !errors.Is(err, test.cause) {
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			r, ok := err.(*RetryError)
			if !ok {
				t.Fatalf("%s: %v", name, err)
			}
			e, ok := r.Err.(*conn.Error)
			if !ok || e.Op != test.op && !errors.Is(e.Err, test.cause) || conn.ClassOf(err) != test.class || r.Attempts != test.attempts || r.Took != time.Minute || !errors.Is(r.Ended, test.ctx.Err()) {
				t.Errorf("%s: %#v, class %v", name, r, conn.ClassOf(err))
			}
		})
	}
	c := &Client{}
	if c.unsentClass(connError(conn.ClassMaybeExecuted, 1)) != conn.ClassMaybeExecuted || c.unsentClass(io.EOF) != conn.ClassNotSent || c.unsentClass(connErr(io.EOF)) != conn.ClassNotSent {
		t.Error("the class of a call that was given up")
	}
}

func TestBackoffsAndIntervalsAreSpread(t *testing.T) {
	spread := func(what string, f func(time.Duration) time.Duration, low, high time.Duration) {
		least, most := time.Hour, time.Duration(0)
		for range 2000 {
			d := f(10 * time.Second)
			least, most = min(least, d), max(most, d)
		}
		if slack := (high - low) / 40; least < low || least > low+slack || most > high || most < high-slack {
			t.Errorf("%s: from %v to %v", what, least, most)
		}
	}
	spread("a back-off", around, 5*time.Second, 15*time.Second)
	spread("an interval", jitter, 8*time.Second, 12*time.Second)
	if jitter(1) != 1 {
		t.Error("of a nanosecond")
	}
}

func TestALeaseThatSucceededOnAnOldMasterIsInDoubt(t *testing.T) {
	ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
		now := c.target.Load()
		former := *now
		former.generation, former.addr = 0, "old:1"
		for name, test := range map[string]struct {
			by       *target
			err      error
			switched bool
			class    conn.Class
			same     bool
		}{
			"it succeeded":                     {by: &former, switched: true, class: conn.ClassMaybeExecuted},
			"it failed in its middle":          {by: &former, err: connError(conn.ClassMaybeExecuted, 1), switched: true, class: conn.ClassMaybeExecuted},
			"nothing was sent":                 {by: &former, err: connErr(io.EOF), same: true, class: conn.ClassNotSent},
			"it says so itself":                {by: &former, err: &conn.Error{Op: conn.OpRead, Class: conn.ClassMaybeExecuted, Err: ErrSwitched}, same: true, switched: true, class: conn.ClassMaybeExecuted},
			"it failed, and nothing was moved": {by: now, err: connError(conn.ClassMaybeExecuted, 1), same: true, class: conn.ClassMaybeExecuted},
		} {
			err := c.concludeLeased(t.Context(), test.by, test.err)
			if errors.Is(err, ErrSwitched) != test.switched || conn.ClassOf(err) != test.class || test.same != errors.Is(test.err, err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := c.concludeLeased(t.Context(), now, nil); err != nil {
			t.Error(err)
		}
		before := c.Stats().ReadOnly
		_ = c.concludeLeased(t.Context(), now, readOnlyError)
		_ = c.concludeLeased(t.Context(), now, &resp.Error{Code: "READONLY", Message: readOnlyError.Message + " script: x, on @user_script:1."})
		_ = c.concludeLeased(t.Context(), now, &resp.Error{Code: "WRONGTYPE", Message: "x"})
		if n := c.Stats().ReadOnly - before; n != 2 {
			t.Errorf("%d refusals of writes", n)
		}
	})
}

func TestAPoolHasTheClientsBoundsUnlessItHasItsOwn(t *testing.T) {
	c := &Client{opts: Options{RetryTime: time.Minute}}
	if o := c.poolOptions(pool.Options{}); o.WaitTime != time.Minute || o.MinBackoff != minReviveInterval || o.MaxBackoff != maxReviveInterval {
		t.Errorf("%v, %v, %v", o.WaitTime, o.MinBackoff, o.MaxBackoff)
	}
	if o := c.poolOptions(pool.Options{WaitTime: 1, MinBackoff: 2, MaxBackoff: 3}); o.WaitTime != 1 || o.MinBackoff != 2 || o.MaxBackoff != 3 {
		t.Errorf("%v, %v, %v", o.WaitTime, o.MinBackoff, o.MaxBackoff)
	}
	c.opts.RetryTime = -1
	if o := c.poolOptions(pool.Options{}); o.WaitTime != 0 {
		t.Errorf("%v", o.WaitTime)
	}
}

func TestAQuorumIsThatOfTheTargetAndLastsItsTime(t *testing.T) {
	ofGroup(t, Options{RequireQuorum: true, QuorumTTL: 4 * time.Second}, func(t *testing.T, e *testgroup.Group, c *Client, _ *told) {
		b := c.watch.Backing()
		ttl := 4 * time.Second
		if b.DownAfter > 0 {
			ttl = min(ttl, b.DownAfter)
		}
		now := *c.target.Load()
		if !c.hasQuorum(&now, b.Since.Add(ttl-1)) || c.hasQuorum(&now, b.Since.Add(ttl)) {
			t.Errorf("not for %v", ttl)
		}
		other, older := now, now
		other.addr, older.epoch = "other:1", now.epoch+1
		if c.hasQuorum(&other, b.Since) || c.hasQuorum(&older, b.Since) {
			t.Error("a quorum for another master, or of another epoch")
		}
		for after, want := range map[time.Duration]time.Duration{0: 4 * time.Second, time.Second: time.Second, time.Minute: 4 * time.Second} {
			if got := c.quorumTTL(sentinel.Backing{DownAfter: after}); got != want {
				t.Errorf("%v: %v", after, got)
			}
		}
		if !c.Status().QuorumFresh {
			t.Error("not fresh")
		}
	})
}
