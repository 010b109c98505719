package sentinel

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// answer is what a sentinel tells of one master.
type answer struct {
	sighting sighting
	full     bool // sentinels and replicas were asked for
	peers    []peer
	replicas []Replica
	// Why there is no list of the one or the other: that is not an empty one.
	peersErr, replicasErr error
}

// replicaWords are the words for a list of replicas. The first is what an ACL names
// by the documentation, the other one is all that is known before Redis 5.
var replicaWords = [...]string{"replicas", "slaves"}

// peer is another sentinel, as one knows it.
type peer struct {
	addr string
	id   string
	down bool
}

var (
	errMalformedAddr  = errors.New("sentinel: answer: malformed address")
	errMalformedEpoch = errors.New("sentinel: answer: malformed config-epoch")
	errUnsteady       = errors.New("sentinel: answer: another address with each question")
)

// ask puts the questions about a master to a sentinel in one write. The address
// comes from get-master-addr-by-name, because a leader keeps the old one in
// SENTINEL MASTER for as long as its failover lasts; the epoch comes from
// SENTINEL MASTER. Two equal addresses around it make the pair one. A full
// question is also for the other sentinels and the replicas.
//
// word is which of the words for replicas the sentinel grants, as far as is known;
// ask learns it.
func ask(ctx context.Context, c *conn.Conn, master string, full bool, word *int) (answer, error) {
	name := resp.String(master)
	cmds := []resp.Command{
		resp.NewCommand("SENTINEL", resp.String("get-master-addr-by-name"), name),
		resp.NewCommand("SENTINEL", resp.String("master"), name),
		resp.NewCommand("SENTINEL", resp.String("get-master-addr-by-name"), name),
		resp.NewCommand("SENTINEL", resp.String("sentinels"), name),
		replicasCommand(master, *word),
	}
	if !full {
		cmds = cmds[:3]
	}
	for range maxRounds {
		a, before, err := askOnce(ctx, c, cmds)
		if err != nil {
			return answer{}, err
		}
		if before == a.sighting.addr {
			a.full = full
			return a, a.askOtherWord(ctx, c, master, word)
		}
	}
	return answer{}, errUnsteady
}

// maxRounds is how often in a row a sentinel is asked whose address changes meanwhile,
// which it does once in a failover.
const maxRounds = 3

func replicasCommand(master string, word int) resp.Command {
	return resp.NewCommand("SENTINEL", resp.String(replicaWords[word]), resp.String(master))
}

// askOtherWord asks for the replicas by the other word, where the first one was
// refused: an ACL may grant one of them alone.
func (a *answer) askOtherWord(ctx context.Context, c *conn.Conn, master string, word *int) error {
	if a.replicasErr == nil {
		return nil
	}
	other := 1 - *word
	r, err := c.Do(ctx, replicasCommand(master, other))
	if err != nil {
		return err
	}
	defer r.Release()
	replicas, refused := parseReplicas(r.Value)
	if refused != nil {
		return nil // by both; the first word is what somebody will look for
	}
	*word, a.replicas, a.replicasErr = other, replicas, nil
	return nil
}

// askOnce returns the answer, with the address that was true after SENTINEL
// MASTER, and the one before.
func askOnce(ctx context.Context, c *conn.Conn, cmds []resp.Command) (a answer, before string, err error) {
	asked, after := time.Now(), ""
	var failed error
	err = c.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		if failed != nil {
			return
		}
		switch i {
		case 0:
			before, failed = parseAddr(v)
		case 1:
			a.sighting, failed = parseMaster(v)
		case 2:
			after, failed = parseAddr(v)
		case 3:
			a.peers, a.peersErr = parseSentinels(v)
		case 4:
			a.replicas, a.replicasErr = parseReplicas(v)
		}
	})
	if err == nil {
		err = failed
	}
	a.sighting.addr, a.sighting.asked, a.sighting.at = after, asked, time.Now()
	return a, before, err
}

// parseAddr reads the reply to get-master-addr-by-name (client spec, step 2).
func parseAddr(v resp.Value) (string, error) {
	if err := v.Err(); err != nil {
		return "", unknownMaster(err)
	}
	if v.IsNull() {
		return "", ErrMasterUnknown
	}
	var parts []string
	for e := range v.Elems() {
		b, err := e.Bytes()
		if err != nil || len(parts) == 2 {
			return "", errMalformedAddr
		}
		parts = append(parts, string(b))
	}
	if len(parts) != 2 || parts[0] == "" || !port(parts[1]) {
		return "", errMalformedAddr
	}
	return join(parts[0], parts[1]), nil
}

// unknownMaster translates the errors by which sentinels say that they do not
// know a name.
func unknownMaster(err error) error {
	if e, ok := errors.AsType[*resp.Error](err); ok {
		if e.Code == "IDONTKNOW" || e.Code == "ERR" && strings.HasPrefix(e.Message, "No such master") {
			return ErrMasterUnknown
		}
	}
	return err
}

func parseMaster(v resp.Value) (sighting, error) {
	if err := v.Err(); err != nil {
		return sighting{}, unknownMaster(err)
	}
	f := fields(v)
	epoch, err := strconv.ParseInt(f["config-epoch"], 10, 64)
	if err != nil || epoch < 0 {
		return sighting{}, errMalformedEpoch
	}
	s := sighting{
		epoch:       epoch,
		runID:       f["runid"],
		failing:     hasFlag(f["flags"], "failover_in_progress"),
		doubted:     hasFlag(f["flags"], "s_down", "o_down"),
		coordinated: hasFlag(f["flags"], "coordinated_failover"),
		down:        time.Duration(max(number(f["down-after-milliseconds"]), 0)) * time.Millisecond,
	}
	s.others, s.quorum = int(number(f["num-other-sentinels"])), int(number(f["quorum"]))
	return s, nil
}

// number reads a decimal number within sane bounds; anything else is zero.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -1<<52 || n > 1<<52 {
		return 0
	}
	return n
}

func parseSentinels(v resp.Value) ([]peer, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	var all []peer
	for e := range v.Elems() {
		f := fields(e)
		if f["ip"] == "" || !port(f["port"]) {
			continue
		}
		all = append(all, peer{
			addr: join(f["ip"], f["port"]),
			id:   f["runid"],
			down: hasFlag(f["flags"], "s_down", "o_down", "disconnected"),
		})
	}
	return all, nil
}

// fields reads a flat array or a map of strings.
func fields(v resp.Value) map[string]string {
	m := make(map[string]string)
	for key, value := range v.Pairs() {
		k, err1 := key.Bytes()
		b, err2 := value.Bytes()
		if err1 == nil && err2 == nil {
			m[string(k)] = string(b)
		}
	}
	return m
}

func hasFlag(flags string, wanted ...string) bool {
	for f := range strings.SplitSeq(flags, ",") {
		for _, w := range wanted {
			if f == w {
				return true
			}
		}
	}
	return false
}
