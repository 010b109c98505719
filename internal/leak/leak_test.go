package leak

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestCheckNamesTheGoroutineThatStays(t *testing.T) {
	stop, started := make(chan struct{}), make(chan struct{})
	f := &Fake{TestName: t.Name()}
	f.Run(func() {
		check(f, 50*time.Millisecond)
		go func() {
			close(started)
			<-stop
		}()
		<-started
	})
	close(stop)
	if len(f.Errors) != 1 || !strings.Contains(f.Errors[0], "TestCheckNamesTheGoroutineThatStays") {
		t.Errorf("errors %q", f.Errors)
	}
}

func TestWhatIsSeenOnceDoesNotStay(t *testing.T) {
	g := func(id string) goroutine { return goroutine{id: id} }
	got := staying([]goroutine{g("1"), g("2"), g("3")}, []goroutine{g("4"), g("3"), g("1")})
	if len(got) != 2 || got[0].id != "1" || got[1].id != "3" {
		t.Errorf("got %v", got)
	}
}

func TestCheckWaitsForWhatEndsLate(t *testing.T) {
	stop := make(chan struct{})
	f := &Fake{TestName: t.Name()}
	f.Run(func() {
		Check(f)
		go func() { <-stop }()
		f.Cleanup(func() { close(stop) })
	})
	if len(f.Errors) != 0 {
		t.Errorf("errors %q", f.Errors)
	}
}

func TestCheckFilesCountsDescriptors(t *testing.T) {
	if _, ok := OpenFiles(); !ok {
		t.Skip("this system does not tell")
	}
	f := &Fake{TestName: t.Name()}
	var file *os.File
	f.Run(func() {
		checkFiles(f, 50*time.Millisecond)
		var err error
		if file, err = os.Open(os.Args[0]); err != nil {
			t.Error(err)
		}
	})
	_ = file.Close()
	if len(f.Errors) != 1 {
		t.Errorf("errors %q", f.Errors)
	}
}

// The order of tests is random, and the runtime opens files of its own for the
// first socket of a process.
func TestTheFirstSocketOfAProcessIsNoFileLeak(t *testing.T) {
	const again = "KERMES_FIRST_SOCKET"
	if os.Getenv(again) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), again+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := &Fake{TestName: t.Name()}
	f.Run(func() {
		checkFiles(f, 50*time.Millisecond)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.Fatalf("%v", err)
		}
		f.Cleanup(func() { _ = ln.Close() })
	})
	if len(f.Errors) != 0 {
		t.Errorf("errors %q", f.Errors)
	}
}

func TestEventuallySaysWhatIsMissing(t *testing.T) {
	f := &Fake{TestName: t.Name()}
	f.Run(func() { Eventually(f, 1, "the moon", func() bool { return false }) })
	if len(f.Fatals) != 1 || !strings.Contains(f.Fatals[0], "the moon") {
		t.Errorf("fatals %q", f.Fatals)
	}
}
