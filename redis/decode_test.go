package redis

import (
	"context"
	"errors"
	"slices"

	"github.com/kermes-redis/kermes/resp"
)

func sortedTexts(v resp.Value) ([]string, error) {
	s, err := Texts(v)
	slices.Sort(s)
	return s, err
}

var errLost = errors.New("the reply was lost")

// losing is a Doer that executes the at-th command of a name and loses its reply.
type losing struct {
	Doer
	name string
	at   int
	n    int
}

func (l *losing) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	r, err := l.Doer.Do(ctx, cmd)
	if cmd.Name() == l.name {
		if l.n++; l.n == l.at && err == nil {
			r.Release()
			return resp.Reply{}, errLost
		}
	}
	return r, err
}
