package keyring

import (
	"cmp"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// The states of keys; see the package comment.
const (
	Published = "published"
	InUse     = "in use"
	Retired   = "retired"
	Expired   = "expired" // and deleted, once there is a key with a higher id
)

// Key is what an operator may know of a key of the ring.
type Key struct {
	ID      uint32
	Purpose string // as the database has it
	State   string
	Created time.Time
	Since   time.Time // in use from here on
	Until   time.Time // nothing it made is good after this; zero when that is not known yet, or never
	Root    string    // id of the root key that wrapped it; "local" and no more for keys of older versions
}

// List describes rows, by purpose and then time. It needs no root key.
func List(rows []store.RingKey, now time.Time) []Key {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b store.RingKey) int {
		return cmp.Or(cmp.Compare(class(a.Purpose), class(b.Purpose)), a.UseFrom.Compare(b.UseFrom), cmp.Compare(a.ID, b.ID))
	})
	live := slices.DeleteFunc(slices.Clone(rows), func(row store.RingKey) bool { return expired(row, now) })
	keys := make([]Key, 0, len(rows))
	for _, row := range rows {
		k := Key{
			ID: row.ID, Purpose: row.Purpose, State: Retired, Created: row.Created, Since: row.UseFrom, Until: row.Expires, Root: rootOf(row),
		}
		switch {
		case expired(row, now):
			k.State = Expired
		case inUse(live, class(row.Purpose), now) == row.ID:
			k.State = InUse
		case row.UseFrom.After(now):
			k.State = Published
		}
		keys = append(keys, k)
	}
	return keys
}

// named returns the key of that id among rows.
func named(rows []store.RingKey, now time.Time, id uint32) []Key {
	return slices.DeleteFunc(List(rows, now), func(k Key) bool { return k.ID != id })
}

// expired tells whether nothing that the key of a row made is good any more.
func expired(row store.RingKey, now time.Time) bool {
	return !row.Expires.IsZero() && row.Expires.Before(now)
}

// inUse returns the id of the key of a class that is in use at now, or 0. The rows are sorted by UseFrom and then id.
func inUse(rows []store.RingKey, ofClass string, now time.Time) (id uint32) {
	for _, row := range rows {
		if class(row.Purpose) == ofClass && (id == 0 || !row.UseFrom.After(now)) {
			id = row.ID
		}
	}
	return id
}
