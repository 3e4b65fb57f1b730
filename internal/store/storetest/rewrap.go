package storetest

import (
	"fmt"
	"testing"

	"github.com/latchkey-id/latchkey/internal/store"
)

// to returns what gives each of keys another wrapping.
func to(wrapped string, keys ...store.RingKey) []store.Rewrap {
	var all []store.Rewrap
	for _, k := range keys {
		all = append(all, store.Rewrap{ID: k.ID, From: k.Wrapped, To: []byte(wrapped)})
	}
	return all
}

// wrappedAs returns k as RewrapRingKeys leaves it.
func wrappedAs(wrapped string, k store.RingKey) store.RingKey {
	k.Wrapped = []byte(wrapped)
	return k
}

var rewrapTests = []test{
	{"RewrapChangesTheWrappingAlone", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		must(t, "RewrapRingKeys", s.RewrapRingKeys(t.Context(), to("new", firstKey, secondKey)))
		wantRing(t, s, wrappedAs("new", firstKey), wrappedAs("new", secondKey))
		wantError(t, "RewrapRingKeys from what was", s.RewrapRingKeys(t.Context(), to("newer", firstKey)), store.ErrNotFound)
		back := []store.Rewrap{{ID: secondKey.ID, From: []byte("new"), To: []byte{0, 0xff}}}
		must(t, "RewrapRingKeys of one", s.RewrapRingKeys(t.Context(), back))
		wantRing(t, s, wrappedAs("new", firstKey), wrappedAs("\x00\xff", secondKey))
		must(t, "RewrapRingKeys of none", s.RewrapRingKeys(t.Context(), nil))
		wantRing(t, s, wrappedAs("new", firstKey), wrappedAs("\x00\xff", secondKey))
	}},
	{"RewrapChangesAllOrNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		for what, wrong := range map[string]store.Rewrap{
			"a key that is not there":  {ID: 7, From: []byte("wrapped"), To: []byte("new")},
			"other bytes":              {ID: secondKey.ID, From: []byte("wrappeD"), To: []byte("new")},
			"a beginning of the bytes": {ID: secondKey.ID, From: []byte("wrap"), To: []byte("new")},
			"more than the bytes":      {ID: secondKey.ID, From: []byte("wrapped\x00"), To: []byte("new")},
			"no bytes":                 {ID: secondKey.ID, From: []byte{}, To: []byte("new")},
		} {
			for _, keys := range [][]store.Rewrap{append(to("new", firstKey), wrong), append([]store.Rewrap{wrong}, to("new", firstKey)...)} {
				wantError(t, "RewrapRingKeys with "+what, s.RewrapRingKeys(t.Context(), keys), store.ErrNotFound)
			}
			wantRing(t, s, firstKey, secondKey)
		}
	}},
	// Two operators, or nodes, that change the root key at the same time must not leave a ring that no root key opens.
	{"OneOfManyRewrapsTheRing", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		must(t, "AddRingKeys", stores[0].AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, secondKey}))
		for round := range 5 {
			ring, err := stores[0].RingKeys(t.Context())
			must(t, "RingKeys", err)
			errs := together(16, func(i int) error {
				keys := to(fmt.Sprintf("round %d, caller %d", round, i), ring...)
				if i%4 < 2 { // in both orders, so that an engine which locks row by row meets itself
					keys[0], keys[1] = keys[1], keys[0]
				}
				return stores[i%2].RewrapRingKeys(t.Context(), keys)
			})
			winners := fmt.Sprintf("round %d, caller %d", round, onlyWinner(t, "RewrapRingKeys", errs, store.ErrNotFound))
			for _, s := range stores {
				wantRing(t, s, wrappedAs(winners, firstKey), wrappedAs(winners, secondKey))
			}
		}
	}},
}
