package keyring

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// askQuickly is how long root keys may take before what else changed is heard: a key that was retired out of turn must
	// not stay because the root key of the next one is slow.
	askQuickly = time.Second
	// askAtMost is how long root keys may take in all.
	askAtMost = 30 * time.Second
	// rounds is how often something is tried again that others were quicker to change.
	rounds = 5
)

var errRestless = errors.New("the key ring kept changing while it was loaded")

// Maintain loads what other nodes changed, publishes the next key of a purpose when its time has come, and deletes
// expired ones. It is called again every so often, more often than Options.Publish, and when others give notice that they
// changed the ring out of turn.
//
// When a key cannot be unwrapped, the other changes hold, the keys that the ring had stay, nothing is written, and the
// error says which key and why; see Err and Ready.
func (r *Ring) Maintain(ctx context.Context, now time.Time) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	err := r.maintain(ctx, now)
	r.err.Store(&err)
	return err
}

func (r *Ring) maintain(ctx context.Context, now time.Time) error {
	_, err := r.grow(ctx, now, func(rows []store.RingKey) ([]plan, error) { return r.missing(rows, now), nil })
	return err
}

// grow loads the ring, and adds the keys that plans finds wanting in its rows, which are by UseFrom and not expired. It
// does so again when others were quicker, and returns the rows that it added, and never part of them.
func (r *Ring) grow(ctx context.Context, now time.Time, plans func([]store.RingKey) ([]plan, error)) (added []store.RingKey, err error) {
	for range rounds {
		rows, err := r.keys.RingKeys(ctx)
		if err != nil {
			return nil, fmt.Errorf("load key ring: %w", err)
		}
		// Loading comes first: it finds a wrong root key, with which nothing must be added.
		live, err := r.load(ctx, rows, now)
		if err != nil {
			return nil, err
		}
		wanted, err := plans(live)
		if err != nil || len(wanted) == 0 {
			return added, err
		}
		made, fresh, err := r.make(ctx, rows, wanted, now)
		if err != nil {
			return nil, err
		}
		err = r.keys.AddRingKeys(ctx, len(rows), made)
		if err != nil && !errors.Is(err, store.ErrExists) {
			return nil, fmt.Errorf("add to key ring: %w", err)
		}
		if err == nil {
			added = append(added, made...)
			r.hold(made, fresh)
		}
	}
	return nil, errRestless
}

// load makes rows the view, retires what newer keys replaced, and deletes what has expired. It returns the rows that have
// not. With a wrong root key it changes nothing.
func (r *Ring) load(ctx context.Context, rows []store.RingKey, now time.Time) ([]store.RingKey, error) {
	live := slices.DeleteFunc(slices.Clone(rows), func(row store.RingKey) bool {
		return expired(row, now)
	})
	slices.SortFunc(live, func(a, b store.RingKey) int {
		return cmp.Or(a.UseFrom.Compare(b.UseFrom), cmp.Compare(a.ID, b.ID))
	})
	if err := r.show(ctx, live, now); err != nil {
		return nil, err
	}
	for _, row := range r.replaced(live) {
		if err := r.keys.RetireRingKey(ctx, row.ID, row.Expires); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("retire ring key: %w", err)
		}
	}
	if len(live) < len(rows) {
		if err := r.keys.DeleteRingKeys(ctx, now); err != nil {
			return nil, fmt.Errorf("delete expired ring keys: %w", err)
		}
	}
	return live, nil
}

// show makes rows the view. The first view has all of them or is none.
func (r *Ring) show(ctx context.Context, rows []store.RingKey, now time.Time) error {
	if r.state.Load() != nil {
		s, asked, err := r.view(ctx, rows, now, askQuickly)
		if s != nil {
			r.state.Store(s)
		}
		if err == nil || asked {
			return err
		}
	}
	s, _, err := r.view(ctx, rows, now, askAtMost)
	if s != nil && (err == nil || r.state.Load() != nil) {
		r.state.Store(s)
	}
	return err
}

// view unwraps rows and returns what they are, and whether all root keys could be asked. With an error the view lacks the
// keys that could not be unwrapped; it is nil when there can be none.
func (r *Ring) view(ctx context.Context, rows []store.RingKey, now time.Time, patience time.Duration) (s *state, asked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s = &state{byID: map[uint32]*seal.Key{}, access: map[uint32]*seal.Key{}, loaded: now}
	held := map[uint32]secret{}
	silent := map[string]error{} // root keys that could not be asked, which are not asked again this time
	told := map[string]bool{}    // root keys that there is a problem of already: one for each is enough to read
	var problems []error
	for _, row := range rows {
		root := rootOf(row)
		key, err := r.open(ctx, row, silent[root])
		if err != nil {
			if !told[root] {
				problems = append(problems, err)
			}
			told[root] = true
			if !errors.Is(err, ErrWrongRoot) {
				silent[root] = err
			}
		}
		if key.bytes == nil {
			s.lacking = append(s.lacking, lack{row: row, why: err})
			continue
		}
		held[row.ID] = key
		if err := s.add(row, key.bytes, r.opts.Issuer, now); err != nil {
			return nil, true, err
		}
	}
	r.held = held
	if err := s.standIn(r.opts); err != nil {
		return nil, true, err
	}
	s.jwks = encodeJWKS(s.signing)
	return s, len(silent) == 0, errors.Join(problems...)
}

// open returns the key of a row, from memory where it is known as it is. Where a row was wrapped anew and does not open,
// the key is the one from before, beside the error: what a row names never becomes another key. silent is why the root key
// is not to be asked; nil when it is.
func (r *Ring) open(ctx context.Context, row store.RingKey, silent error) (secret, error) {
	known := r.held[row.ID]
	if known.purpose != row.Purpose {
		known = secret{}
	}
	if known.bytes != nil && bytes.Equal(known.wrapped, row.Wrapped) {
		return known, nil
	}
	if silent != nil {
		return known, silent
	}
	b, err := r.root.unwrap(ctx, labelOf(row), row.Wrapped)
	if err != nil {
		return known, err
	}
	return secret{purpose: row.Purpose, wrapped: row.Wrapped, bytes: b}, nil
}

// replaced sets the expiry of those of rows, which are sorted, that a newer one has replaced, and returns them. An expiry
// is only ever moved on: after the lifetimes were made longer, and when the key that should have come next was retired
// before its time.
//
// A node whose clock is late by Skew goes on with a key when it was replaced, and one whose clock is early finds it
// expired before the others do.
func (r *Ring) replaced(rows []store.RingKey) []store.RingKey {
	var found []store.RingKey
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
			row.Expires = expires
			found = append(found, *row)
		}
	}
	return found
}

func (s *state) add(row store.RingKey, secret []byte, issuer string, now time.Time) error {
	switch row.Purpose {
	case purposeSeal, purposeAccessKey:
		k, err := seal.NewKey(row.ID, secret, issuer)
		if err != nil {
			return err
		}
		if row.Purpose == purposeAccessKey {
			if len(s.access) == 0 || !row.UseFrom.After(now) {
				s.newest = row.ID // rows come by UseFrom
			}
			s.access[row.ID] = k
			return nil
		}
		s.byID[row.ID] = k
		s.sealing = append(s.sealing, sealKey{Key: k, useFrom: row.UseFrom})
	case purposeES384, purposeES256:
		k, err := newSigningKey(row, secret)
		if err != nil {
			return err
		}
		s.signing = append(s.signing, k)
	}
	return nil // a purpose of a newer version: not ours to use
}
