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
	sighting  sighting
	sentinels []string // the others that it knows, and believes to be up
	replicas  []Replica
}

// ask puts all questions about a master to a sentinel in one write. The address
// comes from get-master-addr-by-name, because a leader keeps the old one in
// SENTINEL MASTER for as long as its failover lasts; the epoch comes from
// SENTINEL MASTER. Two equal addresses around it make the pair one.
func ask(ctx context.Context, c *conn.Conn, master string) (answer, error) {
	name := resp.String(master)
	cmds := []resp.Command{
		resp.NewCommand("SENTINEL", resp.String("get-master-addr-by-name"), name),
		resp.NewCommand("SENTINEL", resp.String("master"), name),
		resp.NewCommand("SENTINEL", resp.String("get-master-addr-by-name"), name),
		resp.NewCommand("SENTINEL", resp.String("sentinels"), name),
		resp.NewCommand("SENTINEL", resp.String("replicas"), name),
	}
	for {
		var a answer
		var before, after string
		var failed error
		err := c.DoBatch(ctx, cmds, func(i int, v resp.Value) {
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
				a.sentinels = parseSentinels(v)
			case 4:
				a.replicas = parseReplicas(v)
			}
		})
		if err != nil {
			return answer{}, err
		}
		if failed != nil {
			return answer{}, failed
		}
		if before == after {
			a.sighting.addr, a.sighting.at = after, time.Now()
			return a, nil
		}
	}
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
		if err != nil {
			return "", errors.New("malformed address")
		}
		parts = append(parts, string(b))
	}
	if len(parts) != 2 || parts[0] == "" || !port(parts[1]) {
		return "", errors.New("malformed address")
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
		return sighting{}, errors.New("malformed config-epoch")
	}
	return sighting{epoch: epoch, failing: hasFlag(f["flags"], "failover_in_progress")}, nil
}

func parseSentinels(v resp.Value) []string {
	var addrs []string
	for e := range v.Elems() {
		f := fields(e)
		if f["ip"] == "" || !port(f["port"]) || hasFlag(f["flags"], "s_down", "o_down", "disconnected") {
			continue
		}
		addrs = append(addrs, join(f["ip"], f["port"]))
	}
	return addrs
}

// Replica is a replica as a sentinel describes it.
type Replica struct {
	// Addr is its address, translated by AddrMap.
	Addr string
	// Flags are the sentinel's, comma separated: see the Redis documentation.
	Flags string
	// LinkUp says that its link to the master works.
	LinkUp bool
	// Offset is its replication offset, up to ten seconds old.
	Offset int64
	// Priority is its replica-priority.
	Priority int
}

func parseReplicas(v resp.Value) []Replica {
	var all []Replica
	for e := range v.Elems() {
		f := fields(e)
		if f["ip"] == "" || !port(f["port"]) {
			continue
		}
		r := Replica{Addr: join(f["ip"], f["port"]), Flags: f["flags"], LinkUp: f["master-link-status"] == "ok"}
		r.Offset, _ = strconv.ParseInt(f["slave-repl-offset"], 10, 64)
		r.Priority, _ = strconv.Atoi(f["slave-priority"])
		all = append(all, r)
	}
	return all
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
