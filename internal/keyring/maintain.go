package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// askQuickly is how long Maintain waits for root keys. They go on being asked when it has returned.
	askQuickly = time.Second
	// rounds is how often something is tried again that others were quicker to change.
	rounds = 5
)

var errRestless = errors.New("the key ring kept changing while it was loaded")

// attempt is one try to unwrap what is new and to make what is missing, which may have to wait for root keys.
type attempt struct {
	done chan struct{} // closed at its end
	err  error         // once it is done
}

// Maintain loads what other nodes changed, publishes the next key of a purpose when its time has come, and deletes
// expired ones. It is called again every so often, more often than Options.Publish, and when others give notice that they
// changed the ring out of turn.
//
// Keys that were retired are gone at once. What needs a root key is waited for a second, and then goes on by itself, until
// it is done or ctx ends: a root key that hangs does not hold up the next call. While it goes on, Maintain errs.
//
// When a key cannot be unwrapped, the other changes hold, the keys that the ring had stay, nothing is written, and the
// error says which key and why; see Err and Ready.
func (r *Ring) Maintain(ctx context.Context, now time.Time) error {
	r.set(now)
	if _, err := r.read(ctx); err != nil {
		r.err.Store(&err)
		return err
	}
	patience := time.NewTimer(r.patience)
	defer patience.Stop()
	for {
		a, mine := r.try(ctx, now)
		select {
		case <-a.done:
			if mine {
				return a.err
			}
			// It began before this call, and may have missed what this one is about.
		case <-patience.C:
			return r.leave(a)
		case <-ctx.Done():
			if mine {
				<-a.done
			}
			return ctx.Err()
		}
	}
}

// try returns the attempt that is under way, and begins one where there is none; mine says that it did.
func (r *Ring) try(ctx context.Context, now time.Time) (a *attempt, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attempt != nil {
		return r.attempt, false
	}
	a = &attempt{done: make(chan struct{})}
	r.attempt = a
	go func() {
		r.growing.Lock()
		err := r.maintain(ctx, now)
		r.growing.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.attempt, r.problem, a.err = nil, err, err
		r.err.Store(&err)
		close(a.done)
	}()
	return a, true
}

// leave leaves an attempt to itself, and returns what there is to say of it.
func (r *Ring) leave(a *attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attempt != a {
		return a.err
	}
	err := fmt.Errorf("keys of the ring are still being unwrapped or made: the root key (%s) is slow to answer", r.root)
	if r.problem != nil {
		err = fmt.Errorf("%w; the last time it was: %w", err, r.problem)
	}
	r.err.Store(&err)
	return err
}

// set sets the time that views are of.
func (r *Ring) set(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = now
}

func (r *Ring) maintain(ctx context.Context, now time.Time) error {
	_, err := r.grow(ctx, now, func(rows []store.RingKey) ([]plan, error) { return r.missing(rows, now), nil })
	return err
}

// grow loads the ring, and adds the keys that plans finds wanting in its rows, which are by UseFrom and not expired. It
// does so again when others were quicker, and returns the rows that it added, and never part of them.
func (r *Ring) grow(ctx context.Context, now time.Time, plans func([]store.RingKey) ([]plan, error)) (added []store.RingKey, err error) {
	for range rounds {
		// Loading comes first: it finds a wrong root key, with which nothing must be added.
		v, err := r.load(ctx)
		if err != nil {
			return nil, err
		}
		if err := r.settle(ctx, v); err != nil {
			return nil, err
		}
		wanted, err := plans(v.live)
		if err != nil || len(wanted) == 0 {
			return added, err
		}
		made, fresh, err := r.make(ctx, v, wanted, now)
		if err != nil {
			return nil, err
		}
		err = r.keys.AddRingKeys(ctx, v.all, made)
		if err != nil && !errors.Is(err, store.ErrExists) {
			return nil, fmt.Errorf("add to key ring: %w", err)
		}
		if err == nil {
			added = append(added, made...)
			for i, row := range made {
				r.keep(row, fresh[i])
			}
		}
	}
	return nil, errRestless
}

// settle retires what newer keys replaced, and deletes what has expired. An expiry that somebody else has set since v was
// read stays: it may be that of a key that was killed.
//
// The key with the highest id stays in the database until there is a higher one, so that the next key cannot get its id:
// a node that has missed the deletion has a key of that id.
func (r *Ring) settle(ctx context.Context, v reading) error {
	for _, x := range r.replaced(v.live) {
		if err := r.keys.RetireRingKey(ctx, x.id, x.was, x.expires); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("retire ring key: %w", err)
		}
	}
	if len(v.live) < v.all && v.last {
		if err := r.keys.DeleteRingKeys(ctx, v.now); err != nil {
			return fmt.Errorf("delete expired ring keys: %w", err)
		}
	}
	return nil
}

// expiry is when a key will expire, and when it would have.
type expiry struct {
	id           uint32
	was, expires time.Time
}

// replaced sets the expiry of those of rows, which are sorted, that a newer one has replaced, and returns them. An expiry
// is only ever moved on: after the lifetimes were made longer, and when the key that should have come next was retired
// before its time.
//
// A node whose clock is late by Skew goes on with a key when it was replaced, and one whose clock is early finds it
// expired before the others do.
func (r *Ring) replaced(rows []store.RingKey) []expiry {
	var found []expiry
	for i := range rows {
		row := &rows[i]
		if row.Purpose == purposeAccessKey {
			continue
		}
		next := slices.IndexFunc(rows[i+1:], func(later store.RingKey) bool { return class(later.Purpose) == class(row.Purpose) })
		if next < 0 {
			continue
		}
		expires := rows[i+1+next].UseFrom.Add(r.opts.Longest + 2*Skew)
		if row.Expires.IsZero() || row.Expires.Before(expires) {
			found = append(found, expiry{id: row.ID, was: row.Expires, expires: expires})
			row.Expires = expires
		}
	}
	return found
}
