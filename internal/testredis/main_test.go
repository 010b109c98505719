package testredis

import (
	"os"
	"testing"
)

// envEnding makes the test binary a child that ends as it says.
const envEnding = "REDISTEST_ENDING"

// shared is the server of this package's own tests.
var shared Shared

// TestMain can become the child of TestNothingIsLeftWhateverEndsTheProcess.
func TestMain(m *testing.M) {
	if ending := os.Getenv(envEnding); ending != "" {
		beChild(ending)
		return
	}
	code := m.Run()
	_ = shared.Close()
	os.Exit(code)
}
