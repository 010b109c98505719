package conn

// A caller that is alone does all with its socket in one use of it: a look, a write, the
// wait and a read. That is a turn, and what it is for is the wait. Who calls Read of package
// net reads first, and waits when that has found nothing: always, where the server is on
// another machine. In a turn the wait begins at once, for package net is ready to wait
// before the look: whatever comes behind that ends the wait.
//
// What is unusual is left to the ways that go without turns, as are all sockets elsewhere
// than on Linux, and what is more than a socket: TLS, and types of programs, which may
// want to see what is read and written.

// turnStep is how far a turn has come.
type turnStep uint8

const (
	turnLooks  turnStep = iota // nothing has been done
	turnWrites                 // it has written, perhaps not all
	turnReads                  // it has read, or that has failed
)

const (
	// lateReplies is after how many replies in a row that were not there when looked for at
	// once a turn waits without looking.
	lateReplies = 8
	// waitingTurns is how many turns do so before one looks again.
	waitingTurns = 63
)

// patience says whether a reply is waited for without looking whether it is there: on one
// processor it often is, for the server had its turn while the command was written.
type patience struct {
	late  uint8 // how many in a row have not been there, up to lateReplies
	turns uint8 // how many have waited since
}

// waits reports whether to wait at once.
func (p *patience) waits() bool {
	if p.late < lateReplies {
		return false
	}
	if p.turns < waitingTurns {
		p.turns++
		return true
	}
	p.turns = 0
	return false
}

// looked notes whether a reply was there at once.
func (p *patience) looked(there bool) {
	if there {
		p.late = 0
	} else {
		p.late = min(p.late+1, lateReplies)
	}
}
