package sentinel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Groups is a registry of groups by name that may change at run time. The zero
// value is empty and ready for use. Its methods are safe for concurrent use.
type Groups struct {
	mu     sync.Mutex // guards groups; nothing is closed under it
	groups map[string]*Group
	closed bool
}

// NewGroups returns a registry with groups. See [Groups.Set].
func NewGroups(all map[string]GroupOptions) (*Groups, error) {
	r := &Groups{}
	return r, r.Set(all)
}

// Set replaces all groups. Those of before are closed, with their clients. If
// one of the new ones cannot be made, nothing changes.
func (r *Groups) Set(all map[string]GroupOptions) error {
	made := make(map[string]*Group, len(all))
	var failed error
	for name, o := range all {
		g, err := newGroup(name, o)
		if err != nil {
			failed = fmt.Errorf("sentinel: group %q: %w", name, err)
			break
		}
		made[name] = g
	}
	r.mu.Lock()
	old := r.groups
	if failed == nil && r.closed {
		failed = ErrClosed
	}
	if failed != nil {
		old = made
	} else {
		r.groups = made
	}
	r.mu.Unlock()
	return errors.Join(failed, closeAll(old))
}

// Add makes a group. A group that has that name already is replaced and closed,
// with its clients.
func (r *Groups) Add(name string, o GroupOptions) (*Group, error) {
	g, err := newGroup(name, o)
	if err != nil {
		return nil, fmt.Errorf("sentinel: group %q: %w", name, err)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errors.Join(ErrClosed, g.Close())
	}
	old := r.groups[name]
	if r.groups == nil {
		r.groups = make(map[string]*Group)
	}
	r.groups[name] = g
	r.mu.Unlock()
	if old != nil {
		return g, old.Close()
	}
	return g, nil
}

// Remove closes a group with its clients, whose calls return client.ErrClosed from
// then on. The error is [ErrUnknownGroup] if there is none.
func (r *Groups) Remove(name string) error {
	r.mu.Lock()
	g := r.groups[name]
	delete(r.groups, name)
	r.mu.Unlock()
	if g == nil {
		return fmt.Errorf("%w: %q", ErrUnknownGroup, name)
	}
	return g.Close()
}

// Get returns a group. The error is [ErrUnknownGroup] if there is none.
func (r *Groups) Get(name string) (*Group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[name]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownGroup, name)
}

// Names returns the names of all groups, sorted.
func (r *Groups) Names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.groups))
}

// Status returns a snapshot of all groups, sorted by name.
func (r *Groups) Status() []GroupStatus {
	r.mu.Lock()
	groups := maps.Clone(r.groups)
	r.mu.Unlock()
	var all []GroupStatus
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		all = append(all, groups[name].Status())
	}
	return all
}

// Close closes all groups and refuses new ones.
func (r *Groups) Close() error {
	r.mu.Lock()
	old := r.groups
	r.groups, r.closed = nil, true
	r.mu.Unlock()
	return closeAll(old)
}

// closeAll closes groups side by side: each may wait a moment for its listeners.
func closeAll(groups map[string]*Group) error {
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range slices.Collect(maps.Values(groups)) {
		wg.Go(func() { errs[i] = g.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
