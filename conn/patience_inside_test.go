package conn

import "testing"

// Replies are waited for without a look once they have been late for a while; every now and
// then there is a look all the same, and one that finds a reply ends that.
func TestPatience(t *testing.T) {
	var p patience
	looks := func(there bool) {
		t.Helper()
		if p.waits() {
			t.Fatal("it waits without a look")
		}
		p.looked(there)
	}
	for range 10 {
		looks(true)
	}
	for range lateReplies - 1 {
		looks(false)
	}
	looks(true)
	for range lateReplies {
		looks(false)
	}
	for range 3 {
		for i := range waitingTurns {
			if !p.waits() {
				t.Fatalf("it looks again after %d turns", i)
			}
		}
		looks(false)
	}
	for range waitingTurns {
		p.waits()
	}
	looks(true)
	looks(true)
}
