package redis

// Mover is a Doer that tells when its commands go to another server. The client
// that follows a master is one. Packages that keep state beside Redis, leases for
// instance, look for it by [Under] and read that state anew after a move.
type Mover interface {
	Doer

	// Generation counts the times that the server, or all connections to it, were
	// replaced. It never falls.
	Generation() uint64

	// Moved returns a channel that is closed when Generation is not since any
	// more: at once if it is another one already.
	Moved(since uint64) <-chan struct{}
}

// Wrapper is a Doer around another one, such as [Intercepted].
type Wrapper interface {
	// Unwrap returns the Doer inside.
	Unwrap() Doer
}

// Under returns d as a T, or the first Doer that d wraps and that is a T. It
// reports false if there is none. So an optional interface of a client ([Mover],
// [Leaser], pubsub.Source) is found under interceptors as well:
//
//	source, ok := redis.Under[pubsub.Source](d)
//
// What is found runs beside the wrappers: commands should go through d.
func Under[T any](d Doer) (found T, ok bool) {
	for d != nil {
		if found, ok = d.(T); ok {
			return found, true
		}
		w, wraps := d.(Wrapper)
		if !wraps {
			break
		}
		d = w.Unwrap()
	}
	return found, false
}
