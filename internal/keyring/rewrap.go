package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/store"
)

// RewrapStore is the part of the store that Rewrap needs.
type RewrapStore interface {
	store.Keys
	store.Rewrapper
}

// Rewrap wraps every key of the ring with the root key of root that wraps, opening each with any of its root keys, and
// returns the ids of the keys that it wrapped anew, in the order in which it did. Keys that this root key opens already
// are left alone, unless all is true, which is for a root key that has got a new version. Keys that nodes add meanwhile
// are done too.
//
// ErrWrongRoot: a key opens with none of the root keys; those before it may have been done. It is safe to call again.
func Rewrap(ctx context.Context, keys RewrapStore, root *Root, all bool) ([]uint32, error) {
	var done []uint32
	fresh := map[uint32]bool{}
	for range rounds {
		rows, err := keys.RingKeys(ctx)
		if err != nil {
			return done, fmt.Errorf("load key ring: %w", err)
		}
		var changes []store.Rewrap
		for _, row := range rows {
			to, err := root.rewrap(ctx, row, all && !fresh[row.ID])
			if err != nil {
				return done, err
			}
			if to != nil {
				changes = append(changes, store.Rewrap{ID: row.ID, From: row.Wrapped, To: to})
			}
		}
		if len(changes) == 0 {
			return done, nil
		}
		err = keys.RewrapRingKeys(ctx, changes)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return done, fmt.Errorf("rewrap the key ring: %w", err)
		}
		if err == nil {
			for _, c := range changes {
				done, fresh[c.ID] = append(done, c.ID), true
			}
		}
	}
	return done, errRestless
}

// rewrap returns the key of a row wrapped by the root key that wraps; nil when it is so already, unless anyway is true.
func (r *Root) rewrap(ctx context.Context, row store.RingKey, anyway bool) ([]byte, error) {
	if id, _, err := splitWrapped(row.Wrapped); err == nil && id == r.ID() && !anyway {
		// It says so. It may have been another key of that name.
		_, err := NewRoot(r.wrapper).unwrap(ctx, labelOf(row), row.Wrapped)
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, ErrWrongRoot) {
			return nil, err
		}
	}
	secret, err := r.unwrap(ctx, labelOf(row), row.Wrapped)
	if err != nil {
		return nil, err
	}
	return r.wrap(ctx, labelOf(row), secret)
}
