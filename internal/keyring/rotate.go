package keyring

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// plan is a key that should be made.
type plan struct {
	purpose string
	useFrom time.Time
}

// missing returns the keys that should be added to rows, which are sorted.
func (r *Ring) missing(rows []store.RingKey, now time.Time) []plan {
	var wanted []plan
	for _, c := range []string{purposeSeal, purposeAccessKey, classSign, classToken} {
		purpose, useFrom := r.purposeIn(c), now
		if row, ok := newestOf(rows, c); ok {
			due := !now.Before(row.UseFrom.Add(r.opts.Rotate - r.opts.Publish))
			if row.Purpose == purpose && (purpose == purposeAccessKey || !due) {
				continue
			}
			useFrom = now.Add(r.opts.Publish)
		}
		wanted = append(wanted, plan{purpose, useFrom})
	}
	return wanted
}

// newestOf returns the last of rows, which are sorted, of a class.
func newestOf(rows []store.RingKey, ofClass string) (store.RingKey, bool) {
	for _, row := range slices.Backward(rows) {
		if class(row.Purpose) == ofClass {
			return row, true
		}
	}
	return store.RingKey{}, false
}

// make returns rows of fresh keys to be added to what was read, and what is in them. It may wait for a root key.
//
// Nodes that have read the same make the same ids, so the database refuses what the slower one adds even where others
// added and deleted as many keys meanwhile. And no id comes again, because the key with the highest one is not deleted.
func (r *Ring) make(ctx context.Context, v reading, wanted []plan, now time.Time) (made []store.RingKey, fresh [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askAtMost)
	defer cancel()
	if v.highest > math.MaxUint32-uint32(len(wanted)) {
		return nil, nil, errors.New("the ids of the key ring are used up")
	}
	id := v.highest
	for _, p := range wanted {
		id++
		b, publicID, err := newSecret(p.purpose)
		if err != nil {
			return nil, nil, err
		}
		wrapped, err := r.root.wrap(ctx, Label{ID: id, Purpose: p.purpose}, b)
		if err != nil {
			return nil, nil, err
		}
		made = append(made, store.RingKey{
			ID: id, Purpose: p.purpose, Wrapped: wrapped, PublicID: publicID,
			Created: now.Truncate(time.Millisecond), UseFrom: p.useFrom, // the database keeps whole milliseconds
		})
		fresh = append(fresh, b)
	}
	return made, fresh, nil
}

// Purposes are what Rotate takes, and what keys replace each other in: envelopes and the credentials beside them, id
// tokens, access tokens, and the secrets of long-lived access keys.
var Purposes = []string{purposeSeal, classSign, classToken, purposeAccessKey}

// Rotate publishes the next key of each of purposes now, to be used when Options.Publish has passed, and returns these
// keys. Where a key is published already and waits to be used, it is that one, so a call may be repeated. No purposes
// means those that rotate by themselves, which are all but access keys. What older keys of a purpose made stays good.
func (r *Ring) Rotate(ctx context.Context, now time.Time, purposes []string) ([]Key, error) {
	if len(purposes) == 0 {
		purposes = []string{purposeSeal, classSign, classToken}
	}
	for _, p := range purposes {
		if !slices.Contains(Purposes, p) {
			return nil, fmt.Errorf("%q is not one of the purposes %q", p, Purposes)
		}
	}
	r.growing.Lock()
	defer r.growing.Unlock()
	r.set(now)
	var waiting []Key
	// Keys that were added are among those that wait, once the ring was loaded again.
	_, err := r.grow(ctx, now, func(rows []store.RingKey) ([]plan, error) {
		var wanted []plan
		waiting = nil
		for _, p := range purposes {
			row, ok := newestOf(rows, p)
			if ok && row.UseFrom.After(now) {
				waiting = append(waiting, named(rows, now, row.ID)...)
				continue
			}
			wanted = append(wanted, plan{r.purposeIn(p), now.Add(r.opts.Publish)})
		}
		return wanted, nil
	})
	if err != nil {
		return nil, err
	}
	return waiting, nil
}
