package testredis

import (
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/kermes-redis/kermes/internal/testserver"
)

// RestrictedSentinelUser is the ACL that the Redis documentation gives for a
// sentinel's clients: no SUBSCRIBE, no INFO. Its password is "restricted".
const RestrictedSentinelUser = "on >restricted resetchannels -@all +auth +client|getname +client|id +client|setname +command +hello +ping +role " +
	"+sentinel|get-master-addr-by-name +sentinel|master +sentinel|myid +sentinel|replicas +sentinel|sentinels +sentinel|masters"

// dataConfig returns what all data servers have in common. Replicas are
// synchronized from a file: of a diskless one the master may miss the first
// acknowledgement, and then calls it online for a second while it sends it
// nothing.
func dataConfig(n *Node, persist bool, users map[string]string, pki *testserver.PKI) []string {
	dir := filepath.Join(n.rig.dir, n.Name)
	_ = os.Mkdir(dir, 0o700)
	lines := []string{
		"bind " + n.host, "protected-mode no", "daemonize no", "dir " + dir, `save ""`,
		"enable-debug-command yes", "repl-diskless-sync no", "repl-ping-replica-period 1",
	}
	if persist {
		// Whoever is killed leaves what it has written; with everysec it puts off
		// writing while a slow disk syncs, and has acknowledged it by then.
		lines = append(lines, "appendonly yes", "appendfsync no")
	}
	if n.password != "" {
		lines = append(lines, "requirepass "+n.password, "masterauth "+n.password)
	}
	return append(append(lines, userLines(users)...), tlsLines(n, pki)...)
}

func userLines(users map[string]string) []string {
	var lines []string
	for name, rules := range users {
		lines = append(lines, "user "+name+" "+rules)
	}
	sort.Strings(lines)
	return lines
}

// tlsLines makes a process speak TLS to everybody.
func tlsLines(n *Node, pki *testserver.PKI) []string {
	if pki == nil {
		return nil
	}
	n.tls = pki.Client()
	return []string{
		"tls-cert-file " + pki.CertFile, "tls-key-file " + pki.KeyFile, "tls-ca-cert-file " + pki.CAFile,
		"tls-auth-clients no", "tls-replication yes",
	}
}

// pkiIf makes an authority in a subdirectory when it is wanted.
func pkiIf(wanted bool, dir, name string) (*testserver.PKI, error) {
	if !wanted {
		return nil, nil
	}
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return nil, err
	}
	return testserver.NewPKI(dir)
}

// without returns lines without those that start with a word.
func without(lines []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return len(l) > len(word) && l[:len(word)+1] == word+" " })
}
