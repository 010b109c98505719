package testredis

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// DefaultMaxLife is how long processes may live when an option does not say
// otherwise: a test that hangs does not keep them for ever.
const DefaultMaxLife = 15 * time.Minute

// rig owns processes and their directory. Whatever becomes of this process,
// they end: by close, by the watchdog, by the kernel (Linux: Pdeathsig), and
// by a supervising shell that reads a pipe whose other end dies with us.
type rig struct {
	dir      string
	jobs     chan func()
	launcher chan struct{} // closed when the launching thread has ended
	shell    *exec.Cmd
	pipe     io.WriteCloser
	watchdog *time.Timer

	mu     sync.Mutex
	procs  map[*proc]struct{}
	closed bool
}

// proc is a started process.
type proc struct {
	pid  int
	done chan struct{} // closed when it has ended and was waited for
	err  error         // of Wait; valid when done is closed
}

// superviseScript keeps the list of pids that it reads, and kills them when
// the pipe ends. Signals to our process group do not concern it.
const superviseScript = `trap '' HUP INT TERM QUIT
pids=
while read -r op pid; do
	case $op in
	+) pids="$pids $pid" ;;
	-) keep=
	   for p in $pids; do [ "$p" = "$pid" ] || keep="$keep $p"; done
	   pids=$keep ;;
	esac
done
for p in $pids; do kill -KILL "$p" 2>/dev/null; done
rm -rf -- "$1"`

// newRig makes a directory, a launching thread and a supervisor.
func newRig(maxLife time.Duration) (*rig, error) {
	dir, err := os.MkdirTemp("", "kermes-redis-")
	if err != nil {
		return nil, fmt.Errorf("testredis: %w", err)
	}
	r := &rig{dir: dir, jobs: make(chan func()), launcher: make(chan struct{}), procs: map[*proc]struct{}{}}
	if err := r.supervise(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	go r.launch()
	if maxLife <= 0 {
		maxLife = DefaultMaxLife
	}
	r.watchdog = time.AfterFunc(maxLife, func() { _ = r.close() })
	return r, nil
}

// supervise starts the shell that outlives us.
func (r *rig) supervise() error {
	in, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("testredis: %w", err)
	}
	defer in.Close()
	r.shell = exec.Command("sh", "-c", superviseScript, "testredis", r.dir)
	r.shell.Stdin = in
	r.shell.SysProcAttr = ownGroup()
	if err := r.shell.Start(); err != nil {
		_ = out.Close()
		return fmt.Errorf("testredis: supervisor: %w", err)
	}
	r.pipe = out
	return nil
}

// launch starts processes from one operating system thread that lives as
// long as the rig: Pdeathsig is sent when the *thread* that started a process
// ends, and Go ends threads as it likes.
func (r *rig) launch() {
	runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
	defer close(r.launcher)
	for job := range r.jobs {
		job()
	}
}

// start starts a program whose output goes to a log file in the rig's
// directory.
func (r *rig) start(log, program string, args ...string) (*proc, error) {
	f, err := os.OpenFile(filepath.Join(r.dir, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("testredis: %w", err)
	}
	defer f.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, f, f
	cmd.SysProcAttr = dieWithParent()

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errors.New("testredis: start of a process after close")
	}
	started := make(chan error)
	r.jobs <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("testredis: %w", err)
	}
	p := &proc{pid: cmd.Process.Pid, done: make(chan struct{})}
	r.procs[p] = struct{}{}
	_, _ = fmt.Fprintf(r.pipe, "+ %d\n", p.pid)
	go r.wait(p, cmd)
	return p, nil
}

// wait collects a process.
func (r *rig) wait(p *proc, cmd *exec.Cmd) {
	p.err = cmd.Wait()
	r.mu.Lock()
	delete(r.procs, p)
	_, _ = fmt.Fprintf(r.pipe, "- %d\n", p.pid)
	r.mu.Unlock()
	close(p.done)
}

// running says whether the process has not ended.
func (p *proc) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process, stopped or not, and waits for its end.
func (p *proc) kill() {
	if p.running() {
		_ = signalCont(p.pid)
		_ = signalKill(p.pid)
	}
	<-p.done
}

// close ends all processes, the thread and the supervisor, and removes the
// directory.
func (r *rig) close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		<-r.launcher
		return nil
	}
	r.closed = true
	r.watchdog.Stop()
	var procs []*proc
	for p := range r.procs {
		procs = append(procs, p)
	}
	r.mu.Unlock()
	for _, p := range procs {
		p.kill()
	}
	_ = r.pipe.Close()
	err := r.shell.Wait()
	close(r.jobs)
	<-r.launcher
	if err != nil {
		return fmt.Errorf("testredis: supervisor: %w", err)
	}
	return nil
}
