package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/resp"
)

// farm is the servers of one run, started when first needed.
type farm struct {
	nodes   map[place]*testredis.Node
	trio    *testredis.Topology
	proxies map[place]*proxy
	dir     string // of the unix socket
	builds  builds
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
	if trip := p.roundTrip(); trip > 0 {
		return f.behind(p, trip)
	}
	n := f.nodes[p]
	if n != nil {
		return f.serversOf(p, n), nil
	}
	n, err := f.start(p)
	if err != nil {
		return servers{}, err
	}
	if p == pinned {
		if err := moveTo(pinnedCPU, n); err != nil {
			return servers{}, err
		}
	}
	nc, err := f.dial(p, n)
	if err != nil {
		return servers{}, err
	}
	return f.serversOf(p, n), seed(nc)
}

// start starts a server that is only used from p.
func (f *farm) start(p place) (*testredis.Node, error) {
	if f.nodes == nil {
		f.nodes = make(map[place]*testredis.Node)
	}
	o := testredis.Options{TLS: p == secure}
	if p == local {
		dir, err := os.MkdirTemp("", "peers")
		if err != nil {
			return nil, err
		}
		f.dir = dir
		o.Config = []string{"unixsocket " + f.socket()}
	}
	n, err := testredis.Start(o)
	if err == nil {
		f.nodes[p] = n
	}
	return n, err
}

func (f *farm) socket() string { return filepath.Join(f.dir, "socket") }

func (f *farm) serversOf(p place, n *testredis.Node) servers {
	s := servers{Addr: n.Addr(), Secure: p == secure}
	if p == local {
		s.Socket = f.socket()
	}
	return s
}

func (f *farm) dial(p place, n *testredis.Node) (net.Conn, error) {
	if p == secure {
		return tls.Dial("tcp", n.Addr(), n.TLS())
	}
	return net.Dial("tcp", n.Addr())
}

// behind is the server of the place free, through a proxy.
func (f *farm) behind(p place, roundTrip time.Duration) (servers, error) {
	s, err := f.at(free)
	if err != nil {
		return s, err
	}
	if f.proxies[p] == nil {
		one, err := startProxy(roundTrip, s.Addr)
		if err != nil {
			return s, err
		}
		if f.proxies == nil {
			f.proxies = make(map[place]*proxy)
		}
		f.proxies[p] = one
	}
	return servers{Addr: f.proxies[p].addr}, nil
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
		nc, err := net.Dial("tcp", t.Data[0].Addr())
		if err == nil {
			err = seed(nc)
		}
		if err != nil {
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

// pids of all servers and proxies.
func (f *farm) pids() (l []int) {
	for _, p := range f.proxies {
		l = append(l, p.cmd.Process.Pid)
	}
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
	for _, p := range f.proxies {
		errs = append(errs, p.close())
	}
	if f.dir != "" {
		errs = append(errs, os.RemoveAll(f.dir))
	}
	errs = append(errs, f.builds.close())
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
func seed(nc net.Conn) error {
	defer nc.Close()
	d := shared()
	var b []byte
	n := 0
	add := func(words ...string) { b = append(b, encode(words...)...); n++ }
	for i, key := range d.keys {
		add("SET", key, d.values[i])
	}
	add("SET", bigKey, d.big)
	add("SCRIPT", "LOAD", scriptSource)
	add("DEL", hashKey)
	for i := range d.fields {
		add("HSET", hashKey, d.fields[i], d.texts[i])
	}
	add("DEL", listKey)
	for i := range listLength {
		add("RPUSH", listKey, strconv.Itoa(listFirst+i))
	}
	seedReads(add)
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
