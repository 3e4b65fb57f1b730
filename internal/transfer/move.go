package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Side is a database to copy from or to.
type Side struct {
	Store store.Store
	// Place names it for people, without secrets.
	Place string
}

// Options are what a Move needs to know.
type Options struct {
	Now time.Time
	// Progress hears of the work; nil: nobody does.
	Progress Progress
	// Check is called with the key ring of the target, once that is complete: whether a server could open it.
	Check func(context.Context, []store.RingKey) error
	// Again allows a source that was moved before: it is then an old copy of what is at the other place.
	Again bool
}

// The errors that a command explains.
var (
	// ErrMoved: the source was moved before, and nothing is left to do.
	ErrMoved = errors.New("this database was moved already")
	// ErrForeign: the target holds something that is no unfinished copy of the source.
	ErrForeign = errors.New("the target is not empty")
	// ErrUnfinished: the source was moved, and only the mark of the target must still be taken off.
	ErrUnfinished = errors.New("all is copied, but the new database is still marked as unfinished: run the same command again")
)

// copying is a Move under way.
type copying struct {
	source, target store.Store
	progress       Progress
}

// Move copies all that from holds to to, which is empty or an unfinished copy of from, compares the two, and marks from as
// moved. Servers may use from meanwhile, where its engine can hold them off at the end (see store.Archive.MoveAway). Both
// sides are open so that marks do not hinder it.
//
// With an error other than ErrUnfinished, from is as it was, and to is an unfinished copy that can be continued.
func Move(ctx context.Context, from, to Side, o Options) (map[store.Part]Digest, error) {
	c := &copying{source: from.Store, target: to.Store, progress: o.Progress}
	if c.progress == nil {
		c.progress = func(store.Part, int, int, bool) {}
	}
	moved, err := c.begin(ctx, from, o)
	if err != nil {
		return nil, err
	}
	var digests map[store.Part]Digest
	complete := func(ctx context.Context) (err error) {
		digests, err = c.complete(ctx, o)
		return err
	}
	if moved {
		err = complete(ctx) // nobody writes there any more
	} else {
		if _, err = c.sync(ctx, true); err == nil {
			err = c.source.MoveAway(ctx, to.Place, o.Now, complete)
		}
	}
	if err != nil {
		return nil, err
	}
	// From here on the source is closed, so this must not be given up half-way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := c.target.SetMark(ctx, store.Mark{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return digests, nil
}

// begin looks whether the two sides are what they should be, and marks the target. moved tells that the source was moved
// before, and that this copy is to be completed or made again.
func (c *copying) begin(ctx context.Context, from Side, o Options) (moved bool, err error) {
	was, err := c.source.Mark(ctx)
	if err != nil {
		return false, err
	}
	is, err := c.target.Mark(ctx)
	if err != nil {
		return false, err
	}
	moved = was.State == store.Moved
	switch {
	case was.State == store.Copying:
		return false, &store.MarkedError{Mark: was}
	case is.State == store.Moved:
		return false, fmt.Errorf("%w: it was moved itself, to %s", ErrForeign, is.Place)
	case is.State == store.Copying:
		return moved, c.sameInstallation(ctx, is)
	case moved && !o.Again:
		return false, fmt.Errorf("%w, to %s at %s", ErrMoved, was.Place, was.At.UTC().Format(time.RFC3339))
	}
	if err := c.empty(ctx); err != nil {
		return false, err
	}
	return moved, c.target.SetMark(ctx, store.Mark{State: store.Copying, Place: from.Place, At: o.Now})
}

// empty returns nil when the target holds nothing.
func (c *copying) empty(ctx context.Context) error {
	for _, p := range store.Parts() {
		for r, err := range c.target.Contents(ctx, p) {
			if err != nil {
				return err
			}
			if r.Value == store.NoticeCounter(0) {
				continue
			}
			return fmt.Errorf("%w: it holds %v. Give it a database of its own", ErrForeign, p)
		}
	}
	return nil
}

// sameInstallation returns nil unless the target, which has the mark is, was begun from a source with another key ring.
// Of a ring some keys change from time to time, and never all at once.
func (c *copying) sameInstallation(ctx context.Context, is store.Mark) error {
	ours, err := c.source.RingKeys(ctx)
	if err != nil {
		return err
	}
	theirs, err := c.target.RingKeys(ctx)
	if err != nil {
		return err
	}
	same := func(a, b store.RingKey) bool {
		return a.ID == b.ID && a.Purpose == b.Purpose && a.PublicID == b.PublicID && a.Created.Equal(b.Created)
	}
	for _, k := range theirs {
		if slices.ContainsFunc(ours, func(o store.RingKey) bool { return same(o, k) }) {
			return nil
		}
	}
	if len(theirs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: it is an unfinished copy of %s, which is another installation", ErrForeign, is.Place)
}

// complete brings what changed since the first pass, reads it back, and compares.
func (c *copying) complete(ctx context.Context, o Options) (map[store.Part]Digest, error) {
	want, err := c.sync(ctx, false)
	if err != nil {
		return nil, err
	}
	if err := c.verify(ctx, want); err != nil {
		return nil, err
	}
	if o.Check == nil {
		return want, nil
	}
	ring, err := c.target.RingKeys(ctx)
	if err == nil {
		err = o.Check(ctx, ring)
	}
	return want, err
}
