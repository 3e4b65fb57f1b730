package storetest

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

var keyTests = []test{
	{"RingIsKeptByID", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{secondKey, firstKey}))
		wantRing(t, s, firstKey, secondKey)
	}},
	{"AddRingKeysLooksAtTheNumber", func(t *testing.T, db *database) {
		s := db.open(t)
		for _, have := range []int{1, -1} {
			wantError(t, "AddRingKeys on an empty ring", s.AddRingKeys(t.Context(), have, []store.RingKey{firstKey}), store.ErrExists)
		}
		wantRing(t, s)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey}))
		wantError(t, "AddRingKeys that saw an empty ring", s.AddRingKeys(t.Context(), 0, []store.RingKey{secondKey}), store.ErrExists)
		wantError(t, "AddRingKeys that saw two keys", s.AddRingKeys(t.Context(), 2, []store.RingKey{secondKey}), store.ErrExists)
		wantRing(t, s, firstKey)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 1, []store.RingKey{secondKey}))
		wantRing(t, s, firstKey, secondKey)
	}},
	{"AddRingKeysAddsAllOrNone", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey}))
		again := firstKey
		again.Wrapped = []byte("other")
		wantError(t, "AddRingKeys with a taken id", s.AddRingKeys(t.Context(), 1, []store.RingKey{secondKey, again}), store.ErrExists)
		wantRing(t, s, firstKey)
	}},
	{"KeyIsRetired", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		must(t, "RetireRingKey", s.RetireRingKey(t.Context(), firstKey.ID, later))
		retired := firstKey
		retired.Expires = later
		wantRing(t, s, retired, secondKey)
	}},
	{"OnlyExpiredKeysAreDeleted", func(t *testing.T, db *database) {
		s := db.open(t)
		// firstKey never expires.
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		must(t, "DeleteRingKeys at the end", s.DeleteRingKeys(t.Context(), later))
		wantRing(t, s, firstKey, secondKey)
		must(t, "DeleteRingKeys", s.DeleteRingKeys(t.Context(), later.Add(time.Millisecond)))
		wantRing(t, s, firstKey)
		must(t, "DeleteRingKeys", s.DeleteRingKeys(t.Context(), later.AddDate(1000, 0, 0)))
		wantRing(t, s, firstKey)
	}},
}

func wantRing(t *testing.T, s store.Store, want ...store.RingKey) {
	t.Helper()
	got, err := s.RingKeys(t.Context())
	must(t, "RingKeys", err)
	if d := diff(want, got); d != "" {
		t.Errorf("RingKeys: (-want +got)\n%s", d)
	}
}
