package mq

import (
	"context"
	"fmt"
	"strconv"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// Group is messages, its members, whose end enqueues another, its callback. One member
// makes a chain.
type Group[T any] struct {
	// Members are enqueued at once. One without an [ID] gets that of the callback, a
	// slash, and its number from 0. They take no [OnDuplicate]. Without members, the
	// callback is enqueued at once.
	Members []Item[T]
	// Then is the callback. Its delay, if it has one, begins when the last member has
	// ended. It takes no [OnDuplicate].
	Then Item[T]
	// DeadEnds makes a dead letter count as ended. If it is false, the callback waits
	// until each dead letter has been redriven and is done, or was removed.
	DeadEnds bool
}

// EnqueueGroup adds the members of a group, whose callback is enqueued when all have
// ended, once: by the script that settles the last of them, whichever worker it is,
// and whatever worker, connection or server fails meanwhile. Until then its state is
// [Waiting], and its id is taken; a full queue does not refuse it.
//
// A member has ended when it is done, cancelled or purged, or when a dead letter of it is
// removed, by Purge, for another of its id, or because there are too many. One whose id
// lives already, or is within its window, is not added, as its result says, and has
// ended. A successor (see [Requeue]) is no member.
//
// Five hundred members or one mebibyte go with each round trip. After an error a part
// of them may have been added, and the callback waits for the rest: to add that, call
// EnqueueGroup again with the same members and the same id of Then. The errors are
// those of [Queue.Enqueue], about the callback, and [ErrGroupGone]; a group that is
// complete and waits is a *[DuplicateError]. The results are those of the members.
func (q *Queue[T]) EnqueueGroup(ctx context.Context, g Group[T]) ([]Result, error) {
	if q.err != nil {
		return nil, q.err
	}
	if len(g.Members) == 0 {
		_, err := q.Enqueue(ctx, g.Then.Value, g.Then.Options...)
		return nil, err
	}
	ctx, end := q.hooked(ctx, len(g.Members))
	results, err := q.enqueueGroup(ctx, &g)
	end(err)
	return results, err
}

func (q *Queue[T]) enqueueGroup(ctx context.Context, g *Group[T]) ([]Result, error) {
	then, err := q.prepareMember(ctx, g.Then)
	if err != nil {
		return nil, err
	}
	members := make([]entry, len(g.Members))
	for i, m := range g.Members {
		named := append([]Option{func(d *draft) { d.id = then.id + "/" + strconv.Itoa(i) }}, m.Options...)
		if members[i], err = q.prepareMember(ctx, Item[T]{m.Value, named}); err != nil {
			return nil, err
		}
	}
	dead := 0
	if g.DeadEnds {
		dead = 1
	}
	results := make([]Result, 0, len(members))
	for done := 0; done < len(members); {
		n := chunk(members[done:])
		part := members[done : done+n]
		about := fmt.Sprintf("%d:%d:%d:%s", len(members), done, dead, then.options)
		more, err := q.addMembers(ctx, then, about, part)
		if err != nil {
			return results, err
		}
		results, done = append(results, more...), done+n
	}
	return results, nil
}

// prepareMember prepares a message of a group.
func (q *Queue[T]) prepareMember(ctx context.Context, item Item[T]) (entry, error) {
	var d draft
	for _, o := range item.Options {
		o(&d)
	}
	if d.policy != Reject {
		return entry{}, fmt.Errorf("%w: a policy for duplicates in a group", ErrInvalid)
	}
	e, err := q.prepare(ctx, item.Value, item.Options)
	if err == nil {
		err = checkID(e.id)
	}
	return e, err
}

// addMembers runs one round trip.
func (c *core) addMembers(ctx context.Context, then entry, about string, part []entry) ([]Result, error) {
	l := c.lanes.take()
	args := c.enqueueArgs(l, append([]entry{{id: then.id, record: then.record, options: about}}, part...))
	text, err := c.runGroup(ctx, args)
	if err == nil || redis.ClassOf(err) != redis.ClassMaybeExecuted && c.opts.MinReplicas == 0 {
		c.lanes.give(l)
	} // otherwise it may still be under way: the lane is left behind
	switch {
	case err != nil:
		return nil, err
	case text == "!F":
		return nil, ErrQueueFull
	case text == "!N":
		return nil, fmt.Errorf("%w: %q", ErrGroupGone, then.id)
	case len(text) == 2 && text[0] == '!':
		return nil, &DuplicateError{ID: then.id, State: stateOf(text[1])}
	}
	return resultsOf(part, text)
}

// runGroup runs the script, until replicas have its effect if they must.
func (c *core) runGroup(ctx context.Context, args []resp.Arg) (string, error) {
	if c.opts.MinReplicas > 0 {
		ctx, cancel := context.WithTimeout(ctx, c.opts.DurabilityTimeout)
		defer cancel()
		return c.confirm(ctx, groupScript, args)
	}
	text, err := groupScript.Run(ctx, c.d, c.keys, args...)
	return text, c.wrap("enqueue", err)
}
