package redistest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestNoLeaksNamesTheGoroutineThatStays(t *testing.T) {
	stop, started := make(chan struct{}), make(chan struct{})
	f := &fakeTB{name: t.Name()}
	f.run(func() {
		noLeaks(f, 50*time.Millisecond)
		go func() {
			close(started)
			<-stop
		}()
		<-started
	})
	close(stop)
	if len(f.errors) != 1 || !strings.Contains(f.errors[0], "TestNoLeaksNamesTheGoroutineThatStays") {
		t.Errorf("errors %q", f.errors)
	}
}

func TestNoLeaksWaitsForWhatEndsLate(t *testing.T) {
	stop := make(chan struct{})
	f := &fakeTB{name: t.Name()}
	f.run(func() {
		NoLeaks(f)
		go func() { <-stop }()
		f.Cleanup(func() { close(stop) })
	})
	if len(f.errors) != 0 {
		t.Errorf("errors %q", f.errors)
	}
}

func TestNoFileLeaksCountsDescriptors(t *testing.T) {
	if _, ok := OpenFiles(); !ok {
		t.Skip("this system does not tell")
	}
	f := &fakeTB{name: t.Name()}
	var file *os.File
	f.run(func() {
		noFileLeaks(f, 50*time.Millisecond)
		var err error
		if file, err = os.Open(os.Args[0]); err != nil {
			t.Error(err)
		}
	})
	_ = file.Close()
	if len(f.errors) != 1 {
		t.Errorf("errors %q", f.errors)
	}
}

// The order of tests is random, and the runtime opens files of its own for the
// first socket of a process.
func TestTheFirstSocketOfAProcessIsNoFileLeak(t *testing.T) {
	const again = "REDISTEST_FIRST_SOCKET"
	if os.Getenv(again) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), again+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := &fakeTB{name: t.Name()}
	f.run(func() {
		noFileLeaks(f, 50*time.Millisecond)
		NewServer(f)
	})
	if len(f.errors) != 0 {
		t.Errorf("errors %q", f.errors)
	}
}

func TestEventuallySaysWhatIsMissing(t *testing.T) {
	f := &fakeTB{name: t.Name()}
	f.run(func() { Eventually(f, 1, "the moon", func() bool { return false }) })
	if len(f.fatals) != 1 || !strings.Contains(f.fatals[0], "the moon") {
		t.Errorf("fatals %q", f.fatals)
	}
}
