package resp

// Reply is a reply of which somebody else owns the bytes: the connection that
// read it. It is valid until Release, and so is every [Value] and slice taken
// from it; clone what is to stay. It is passed by value and not copied otherwise.
type Reply struct {
	Value

	owner Releaser
}

// Releaser takes the bytes of a [Reply] back.
type Releaser interface{ ReleaseReply() }

// NewReply returns a Reply of v. Its Release calls owner.ReleaseReply; owner may
// be nil, for bytes that belong to nobody.
func NewReply(v Value, owner Releaser) Reply { return Reply{Value: v, owner: owner} }

// Release gives the reply's bytes back to their owner. It must be called once,
// and nothing taken from the reply may be used after it.
func (r Reply) Release() {
	if r.owner != nil {
		r.owner.ReleaseReply()
	}
}
