package resp

// Receiver takes the replies to a batch.
type Receiver interface {
	// Receive is called with the reply to command i, which is valid during the call.
	Receive(i int, v Value)
}

// ReceiverFunc is a function as a [Receiver].
type ReceiverFunc func(i int, v Value)

// Receive calls f.
func (f ReceiverFunc) Receive(i int, v Value) { f(i, v) }

// RunReceiver is a [Receiver] that takes many replies by one call, where none of them is
// an error or has an attribute in front of it: those are given to Receive.
type RunReceiver interface {
	Receiver

	// ReceiveRun is called with the replies to the commands from first on, one behind the
	// other in buf, of which each ends where ends says. Both are valid during the call.
	ReceiveRun(first int, buf []byte, ends []int)
}

// GiveRun gives replies to r as [RunReceiver.ReceiveRun] takes them, one by one if r does
// not.
func GiveRun(r Receiver, first int, buf []byte, ends []int) {
	if rr, ok := r.(RunReceiver); ok {
		rr.ReceiveRun(first, buf, ends)
		return
	}
	GiveEach(r, first, buf, ends)
}

// GiveEach gives replies to r one by one.
func GiveEach(r Receiver, first int, buf []byte, ends []int) {
	start := 0
	for i, end := range ends {
		r.Receive(first+i, Value(buf[start:end]))
		start = end
	}
}
