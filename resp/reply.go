package resp

type Releaser interface{ ReleaseReply() }
type Reply struct {
	Value
	owner Releaser
}

func NewReply(v Value, owner Releaser) Reply { return Reply{v, owner} }
func (r Reply) Release() {
	if r.owner != nil {
		r.owner.ReleaseReply()
	}
}
