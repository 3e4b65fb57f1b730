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
		must(t, "RetireRingKey", s.RetireRingKey(t.Context(), firstKey.ID, time.Time{}, later))
		retired := firstKey
		retired.Expires = later
		wantRing(t, s, retired, secondKey)
		must(t, "RetireRingKey", s.RetireRingKey(t.Context(), firstKey.ID, later, noon))
		retired.Expires = noon
		wantRing(t, s, retired, secondKey)
		must(t, "RetireRingKey", s.RetireRingKey(t.Context(), firstKey.ID, noon, time.Time{}))
		wantRing(t, s, firstKey, secondKey)
	}},
	{"ExpiryIsMovedOnlyByWhoSawIt", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		atOnce := time.UnixMilli(1).UTC()
		must(t, "RetireRingKey at once", s.RetireRingKey(t.Context(), firstKey.ID, firstKey.Expires, atOnce))
		must(t, "RetireRingKey at once", s.RetireRingKey(t.Context(), secondKey.ID, secondKey.Expires, atOnce))
		for _, k := range []store.RingKey{firstKey, secondKey} { // the first had no expiry, the second had one
			wantError(t, "RetireRingKey by a node that did not see it retired",
				s.RetireRingKey(t.Context(), k.ID, k.Expires, later.Add(time.Hour)), store.ErrNotFound)
		}
		wantError(t, "RetireRingKey of a key that is not there", s.RetireRingKey(t.Context(), 77, time.Time{}, later), store.ErrNotFound)
		first, second := firstKey, secondKey
		first.Expires, second.Expires = atOnce, atOnce
		wantRing(t, s, first, second)
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
