package resp

// Reply is a reply of which somebody else owns the bytes: the connection that
// read it. It is valid until Release, and so is every [Value] and slice taken
// from it; clone what is to stay. It is passed by value and not copied otherwise.
type Reply struct {
	Value

	owner *Owner // a pointer, as four words are returned in registers and five are not
}

// Releaser takes the bytes of a [Reply] back.
type Releaser interface{ ReleaseReply() }

// Owner is a Releaser in the form that Replies carry. Who owns many replies in
// turn makes one Owner and calls its Reply.
type Owner struct{ Releaser }

// Reply returns a Reply of v, whose Release calls ReleaseReply.
func (o *Owner) Reply(v Value) Reply { return Reply{Value: v, owner: o} }

// Keeper is a [Releaser] that may be able to let the bytes go for good.
type Keeper interface {
	Releaser
	// KeepReply does what ReleaseReply does, but leaves the bytes to the caller. If it
	// reports false it has done nothing.
	KeepReply() bool
}

// NewReply returns a Reply of v. Its Release calls owner.ReleaseReply; owner may
// be nil, for bytes that belong to nobody.
func NewReply(v Value, owner Releaser) Reply {
	if owner == nil {
		return Reply{Value: v}
	}
	return Reply{Value: v, owner: &Owner{owner}}
}

// Release gives the reply's bytes back to their owner. It must be called once,
// and nothing taken from the reply may be used after it.
func (r Reply) Release() {
	if r.owner != nil {
		r.owner.ReleaseReply()
	}
}

// Placer is a [Releaser] of a reply that may have been read into the room of its
// command.
type Placer interface {
	Releaser
	// PlacedReply returns how many bytes the string there has, or false.
	PlacedReply() (n int, ok bool)
}

// Placed reports whether the reply is a string that has been read into the room
// that its command has lent by [Command.SetRoom], and how many bytes it has. The
// Value is that number then. It must be asked before Release.
func (r Reply) Placed() (n int, ok bool) {
	if r.owner == nil {
		return 0, false
	}
	p, ok := r.owner.Releaser.(Placer)
	if !ok {
		return 0, false
	}
	return p.PlacedReply()
}

// Keep takes the place of Release where it reports true: the bytes of the reply
// then belong to the caller and never change, as long as anything refers to a part of
// them. It reports false if the owner needs
// them back, as for all but large replies; then the reply must be released.
func (r Reply) Keep() bool {
	if r.owner == nil {
		return false // who made them may still use them
	}
	k, ok := r.owner.Releaser.(Keeper)
	return ok && k.KeepReply()
}
