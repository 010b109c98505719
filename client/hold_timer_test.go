package client

import "testing"

func TestATimerThatFiredLateDoesNotEndTheNextHold(t *testing.T) {
	c, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.beginHold("sentinel")
	first := c.hold.number
	c.mu.Lock()
	c.releaseLocked()
	c.mu.Unlock()
	c.beginHold("sentinel")
	c.expireHold(first)
	if !c.Held() {
		t.Error("the timer of one hold ended the next")
	}
	c.expireHold(c.hold.number)
	if c.Held() {
		t.Error("its own timer did not end it")
	}
}
