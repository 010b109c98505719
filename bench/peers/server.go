package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strconv"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/resp"
)

// farm is the servers of one run, started when first needed.
type farm struct {
	nodes map[place]*testredis.Node
	trio  *testredis.Topology
}

// the CPU of the pinned server and its clients.
const pinnedCPU = "0"

func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil
}

func (f *farm) at(p place) (servers, error) {
	if p == memory {
		return servers{Canned: true}, nil
	}
	if p == trio || p == lonely {
		return f.watched(p)
	}
	if n := f.nodes[p]; n != nil {
		return servers{Addr: n.Addr()}, nil
	}
	n, err := testredis.Start(testredis.Options{})
	if err != nil {
		return servers{}, err
	}
	if f.nodes == nil {
		f.nodes = make(map[place]*testredis.Node)
	}
	f.nodes[p] = n
	if p == pinned {
		if err := moveTo(pinnedCPU, n); err != nil {
			return servers{}, err
		}
	}
	return servers{Addr: n.Addr()}, seed(n.Addr())
}

// moveTo lets a server run on these CPUs only.
func moveTo(cpus string, n *testredis.Node) error {
	out, err := exec.Command("taskset", "-acp", cpus, strconv.Itoa(n.Pid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// watched is the master with sentinels, on one CPU or on any.
func (f *farm) watched(p place) (servers, error) {
	if f.trio == nil {
		t, err := testredis.StartTopology(testredis.TopologyOptions{Replicas: -1})
		if err != nil {
			return servers{}, err
		}
		f.trio = t
		if err := seed(t.Data[0].Addr()); err != nil {
			return servers{}, err
		}
	}
	if canPin() {
		cpus := "0-" + strconv.Itoa(runtime.NumCPU()-1)
		if p == lonely {
			cpus = pinnedCPU
		}
		if err := moveTo(cpus, f.trio.Data[0]); err != nil {
			return servers{}, err
		}
	}
	s := servers{Addr: f.trio.Data[0].Addr(), Master: f.trio.Names[0]}
	for _, n := range f.trio.Sentinels {
		s.Sentinels = append(s.Sentinels, n.Addr())
	}
	return s, nil
}

// pids of all servers.
func (f *farm) pids() (l []int) {
	for _, n := range f.nodes {
		l = append(l, n.Pid())
	}
	if f.trio != nil {
		for _, n := range f.trio.Data {
			l = append(l, n.Pid())
		}
		for _, n := range f.trio.Sentinels {
			l = append(l, n.Pid())
		}
	}
	return l
}

func (f *farm) close() error {
	var errs []error
	for _, n := range f.nodes {
		errs = append(errs, n.Close())
	}
	if f.trio != nil {
		errs = append(errs, f.trio.Close())
	}
	return errors.Join(errs...)
}

// version of the server, from the words of redis-server --version.
func serverVersion() string {
	out, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		return err.Error()
	}
	return versionIn(string(out))
}

// seed fills a server with what data says.
func seed(addr string) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	d := shared()
	var b []byte
	n := 0
	add := func(words ...string) { b = append(b, encode(words...)...); n++ }
	for i, key := range d.keys {
		add("SET", key, d.values[i])
	}
	add("SET", bigKey, d.big)
	add("DEL", hashKey)
	for i := range d.fields {
		add("HSET", hashKey, d.fields[i], d.texts[i])
	}
	add("DEL", listKey)
	for i := range listLength {
		add("RPUSH", listKey, strconv.Itoa(listFirst+i))
	}
	failed := make(chan error, 1)
	go func() {
		r := resp.NewReader(nc, resp.Limits{})
		for range n {
			v, err := r.ReadValue()
			if err == nil {
				err = v.Err()
			}
			if err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	if _, err := nc.Write(b); err != nil {
		return err
	}
	return <-failed
}
