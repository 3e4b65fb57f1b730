package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// killed is the expiry of keys that were retired out of turn: before now on every clock, and before they were made.
var killed = time.UnixMilli(1)

// Retire takes the key of that id out of the ring at once, as is right for one that was stolen: what it made opens
// nowhere any more, on any node that has loaded the ring since, whatever its clock says. It returns the key that was made
// in its place, if it was in use or was to be used next.
//
// A key that replaces one in use takes over its whole time, also the part that has passed. So all nodes seal the steps of
// that time with the same key, which is not the one that was retired. A node that has not loaded the ring refuses what the
// new key sealed for that long: give notice of the change.
//
// It errs with store.ErrNotFound when the ring has no such key.
func (r *Ring) Retire(ctx context.Context, id uint32, now time.Time) ([]Key, error) {
	r.growing.Lock()
	defer r.growing.Unlock()
	r.set(now)
	var all []store.RingKey
	added, err := r.grow(ctx, now, func(rows []store.RingKey) ([]plan, error) {
		all = rows
		return r.successor(rows, id, now)
	})
	if err != nil {
		return nil, err
	}
	if err := r.kill(ctx, id); err != nil {
		return nil, err
	}
	err = r.maintain(ctx, now)
	r.err.Store(&err)
	var made []Key
	for _, row := range added {
		made = append(made, named(all, now, row.ID)...)
	}
	return made, err
}

// kill sets the expiry of the key of that id to killed, whatever other nodes set it to meanwhile; from then on they cannot.
// A key that is gone is as good.
func (r *Ring) kill(ctx context.Context, id uint32) error {
	for range rounds {
		rows, err := r.keys.RingKeys(ctx)
		if err != nil {
			return fmt.Errorf("load key ring: %w", err)
		}
		i := slices.IndexFunc(rows, func(row store.RingKey) bool { return row.ID == id })
		if i < 0 || rows[i].Expires.Equal(killed) {
			return nil
		}
		err = r.keys.RetireRingKey(ctx, id, rows[i].Expires, killed)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("retire ring key: %w", err)
		}
	}
	return errRestless
}

// successor plans the key that must be there before the one of that id is retired out of turn. There is none to plan when
// another is used in its place already, which is so once it was made.
func (r *Ring) successor(rows []store.RingKey, id uint32, now time.Time) ([]plan, error) {
	i := slices.IndexFunc(rows, func(row store.RingKey) bool { return row.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("ring key %d: %w", id, store.ErrNotFound)
	}
	row := rows[i]
	p := plan{purpose: r.purposeIn(class(row.Purpose)), useFrom: row.UseFrom}
	switch newest, _ := newestOf(rows, class(row.Purpose)); {
	case !known(row.Purpose):
		return nil, nil // of a newer version
	case inUse(rows, class(row.Purpose), now) == id:
		return []plan{p}, nil
	case newest.ID == id: // published; the next one is published as long
		if from := now.Add(r.opts.Publish); from.After(p.useFrom) {
			p.useFrom = from
		}
		return []plan{p}, nil
	}
	return nil, nil
}
