package testredis

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kermes-redis/kermes/internal/ports"
)

// sentinelLines is the configuration of a sentinel. It has one port, or two
// when clients and peers speak differently.
func (t *Topology) sentinelLines(n *Node) ([]string, error) {
	dir := filepath.Join(t.rig.dir, n.Name)
	_ = os.Mkdir(dir, 0o700)
	lines := []string{"bind " + n.host, "protected-mode no", "daemonize no", "dir " + dir}
	tlsPart, err := t.sentinelTLSLines(n)
	if err != nil {
		return nil, err
	}
	lines = append(lines, tlsPart...)
	if t.o.Hostnames {
		lines = append(lines, "sentinel resolve-hostnames yes", "sentinel announce-hostnames yes", "sentinel announce-ip localhost")
	} else if t.o.ProxySentinels {
		lines = append(lines, "sentinel announce-ip "+n.host)
	}
	if n.proxy != nil {
		lines = append(lines, fmt.Sprintf("sentinel announce-port %d", n.Port()))
	}
	if t.o.SentinelPassword != "" {
		lines = append(lines, "requirepass "+t.o.SentinelPassword, "sentinel sentinel-pass "+t.o.SentinelPassword)
	}
	lines = append(lines, userLines(t.o.SentinelUsers)...)
	for _, name := range t.o.Masters {
		master := t.Of(name)[0]
		if len(t.Sentinels) > 0 { // it may have changed
			if m, err := t.CurrentMaster(name); err == nil {
				master = m
			}
		}
		lines = append(lines, t.monitorLines(name, master)...)
	}
	return lines, nil
}

// sentinelTLSLines: tls-replication decides how a sentinel speaks to servers
// and other sentinels; its clients may speak otherwise, on a second port.
func (t *Topology) sentinelTLSLines(n *Node) ([]string, error) {
	if t.sentinelPKI == nil {
		return nil, nil
	}
	lines := tlsLines(n, t.sentinelPKI)
	if t.o.TLS && t.o.SentinelTLS {
		return lines, nil
	}
	second, err := ports.Free(n.host)
	if err != nil {
		return nil, err
	}
	if t.o.TLS { // clients without TLS
		n.tls = nil
		return append(lines, fmt.Sprintf("tls-port %d", second)), nil
	}
	lines = append(without(lines, "tls-replication"), "tls-replication no")
	n.plain = second
	return lines, nil
}

// monitorLines makes a sentinel watch a master.
func (t *Topology) monitorLines(name string, master *Node) []string {
	o := t.o
	lines := []string{
		fmt.Sprintf("sentinel monitor %s %s %d %d", name, t.announced(), master.Port(), o.Quorum),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", name, o.downAfter().Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s %d", name, o.FailoverTimeout.Milliseconds()),
		fmt.Sprintf("sentinel parallel-syncs %s 1", name),
	}
	if o.Password != "" {
		lines = append(lines, fmt.Sprintf("sentinel auth-pass %s %s", name, o.Password))
	}
	for _, l := range o.SentinelConfig {
		lines = append(lines, strings.ReplaceAll(l, "%s", name))
	}
	return lines
}
