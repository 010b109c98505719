package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// measureClients opens many clients in one process, as a proxy or a program with many
// tenants has them, and lets each get a value. Figures are of one client: bytes that
// stay, goroutines, and the time until all have got their value.
func measureClients(c *contender, n int, s servers, f *figures) error {
	goroutines, before := runtime.NumGoroutine(), liveBytes()
	all := make([]client, n)
	defer func() {
		for _, cl := range all {
			if cl != nil {
				cl.close()
			}
		}
	}()
	began := time.Now()
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() {
			cl, err := c.open(s)
			if err != nil {
				errs[i] = err
				return
			}
			all[i] = cl
			w, err := cl.worker()
			if err == nil {
				err = w.get(context.Background(), i%keyCount)
			}
			errs[i] = err
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	f.Ops = int64(n)
	f.Ns = float64(time.Since(began)) / float64(n)
	f.Bytes = float64(liveBytes()-before) / float64(n)
	f.Goroutines = float64(runtime.NumGoroutine()-goroutines) / float64(n)
	return nil
}

// starts is how many times a program is started for one measurement.
const starts = 20

var errNoReply = errors.New("the program got no reply")

// builds are the programs that have been built, by client.
type builds struct {
	dir  string
	made map[string]string
}

func (b *builds) of(client string) (string, error) {
	if file := b.made[client]; file != "" {
		return file, nil
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "peers")
		if err != nil {
			return "", err
		}
		b.dir, b.made = dir, make(map[string]string)
	}
	file := filepath.Join(b.dir, client)
	if text, err := exec.Command("go", "build", "-trimpath", "-o", file, "./programs/"+client).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	b.made[client] = file
	return file, nil
}

func (b *builds) close() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// measureStart is how long a program takes from its start to its end, which comes with
// its first reply.
func measureStart(program, addr string) (f figures, err error) {
	for range starts {
		began := time.Now()
		cmd := exec.Command(program, addr, shared().keys[0])
		out, err := cmd.Output()
		if err != nil {
			return f, err
		}
		f.Ns += float64(time.Since(began)) / starts
		f.CPU += float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / starts
		if want := shared().values[0]; !bytes.Contains(out, []byte(want)) {
			return f, fmt.Errorf("%w: %s", errNoReply, out)
		}
	}
	f.Ops = starts
	return f, nil
}
