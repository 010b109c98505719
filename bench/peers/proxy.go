package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A proxy stands between clients and a server far away: each byte arrives after half
// the round trip. It runs in a process of its own, so that its work is nobody's.

const (
	proxyChunk = 64 << 10 // bytes of one read
	proxyAhead = 1024     // reads on their way
)

// runProxy serves until its input ends.
func runProxy(roundTrip time.Duration, target string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = l.Close()
	}()
	for {
		near, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			return err
		}
		there, err := newSleeper()
		if err != nil {
			return err
		}
		back, err := newSleeper()
		if err != nil {
			return err
		}
		go delay(near, far, roundTrip/2, there)
		go delay(far, near, roundTrip/2, back)
	}
}

// piece is what one read has brought.
type piece struct {
	bytes []byte
	due   time.Time
}

var pieces = sync.Pool{New: func() any { return new([proxyChunk]byte) }}

// delay copies until one side ends.
func delay(from, to net.Conn, by time.Duration, s *sleeper) {
	way := make(chan piece, proxyAhead)
	go func() {
		defer from.Close()
		defer to.Close()
		defer s.close()
		for p := range way {
			if err := s.sleep(time.Until(p.due)); err != nil {
				panic(err) // the rows of a server far away would be those of one nearby
			}
			_, _ = to.Write(p.bytes)
			pieces.Put((*[proxyChunk]byte)(p.bytes[:proxyChunk]))
		}
	}()
	defer close(way)
	for {
		b := pieces.Get().(*[proxyChunk]byte)
		n, err := from.Read(b[:])
		if n > 0 {
			way <- piece{b[:n], time.Now().Add(by)}
		}
		if err != nil {
			return
		}
	}
}

// proxy is such a process.
type proxy struct {
	addr string
	cmd  *exec.Cmd
	in   io.Closer
}

func startProxy(roundTrip time.Duration, target string) (*proxy, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-proxy", roundTrip.String(), "-at", target)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, errors.Join(err, cmd.Wait())
	}
	return &proxy{addr: strings.TrimSpace(addr), cmd: cmd, in: in}, nil
}

func (p *proxy) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
