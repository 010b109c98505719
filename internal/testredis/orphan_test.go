//go:build unix

package testredis

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
)

// beChild starts servers, says their pids, and ends badly.
func beChild(ending string) {
	topo, err := StartTopology(TopologyOptions{Replicas: 1, Sentinels: 1})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(3)
	}
	if err := topo.Data[1].Stop(); err != nil { // a stopped process must go as well
		fmt.Println("error", err)
		os.Exit(3)
	}
	fmt.Println("pid", topo.rig.shell.Process.Pid)
	for _, n := range topo.all() {
		fmt.Println("pid", n.Pid())
	}
	fmt.Println("dir", topo.rig.dir)
	switch ending {
	case "panic":
		go func() { panic("a test panics on a goroutine of its own") }()
		select {}
	case "exit":
		os.Exit(0)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "sigquit": // what `go test` sends when a test binary is too late
		_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		select {}
	}
}

func TestNothingIsLeftWhateverEndsTheProcess(t *testing.T) {
	Require(t)
	for _, ending := range []string{"panic", "exit", "kill", "sigquit"} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envEnding+"="+ending, "TMPDIR="+t.TempDir())
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pids []int
			dir := ""
			for lines := bufio.NewScanner(out); lines.Scan(); {
				what, rest, _ := strings.Cut(lines.Text(), " ")
				switch what {
				case "pid":
					pid, _ := strconv.Atoi(rest)
					pids = append(pids, pid)
				case "dir":
					dir = rest
				case "error":
					t.Fatal(rest)
				}
			}
			_ = cmd.Wait()
			if len(pids) != 4 || dir == "" {
				t.Fatalf("pids %v, dir %q", pids, dir)
			}
			for _, pid := range pids {
				leak.Eventually(t, 0, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
			}
			leak.Eventually(t, 0, "the directory is gone", func() bool {
				_, err := os.Stat(dir)
				return os.IsNotExist(err)
			})
		})
	}
}

// alive says whether a process exists and is not a zombie.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err) || !hasProc()
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func hasProc() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}

func TestTheWatchdogEndsProcesses(t *testing.T) {
	leak.Check(t)
	Require(t)
	n, err := Start(Options{MaxLife: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 0, "the end of the process", func() bool { return !n.Running() })
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := n.Restart(); err == nil {
		t.Error("restarted after the end")
	}
}
