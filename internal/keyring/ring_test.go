package keyring

import (
	"bytes"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var (
	day0    = time.Date(2026, 11, 21, 20, 30, 15, 0, time.UTC)
	options = Options{
		Issuer: "https://signin.example.com", Algorithm: "ES256", Rotate: 30 * day, Publish: 10 * time.Minute, Longest: 25 * time.Hour,
	}
)

const day = 24 * time.Hour

func openStore(t *testing.T, path string) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path, day0, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func newStore(t *testing.T) store.Store {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "latchkey.db"))
}

func newRoot(t *testing.T) *Root {
	t.Helper()
	root, err := ParseRoot(NewRootKey())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func openRing(t *testing.T, st store.Keys, root *Root, o Options, now time.Time) *Ring {
	t.Helper()
	r, err := Open(t.Context(), st, root, o, now)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	r.patience = time.Minute // on a busy machine a local root key is slow, too
	return r
}

func rowsOf(t *testing.T, st store.Keys) []store.RingKey {
	t.Helper()
	rows, err := st.RingKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// maintain calls Maintain at now, as every node does each minute.
func maintain(t *testing.T, now time.Time, rings ...*Ring) {
	t.Helper()
	for _, r := range rings {
		if err := r.Maintain(t.Context(), now); err != nil {
			t.Fatalf("Maintain(%v) = %v", now.Sub(day0), err)
		}
	}
}

func TestNewDatabaseGetsOneKeyOfEachPurpose(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	var purposes []string
	for _, row := range rowsOf(t, st) {
		purposes = append(purposes, row.Purpose)
		if !row.UseFrom.Equal(day0) || !row.Expires.IsZero() {
			t.Errorf("key %d of %s is used from %v until %v, want from now on", row.ID, row.Purpose, row.UseFrom, row.Expires)
		}
	}
	if slices.Sort(purposes); !slices.Equal(purposes, []string{"access-key", "seal", "sign-access-es256", "sign-es256"}) {
		t.Errorf("keys are %v", purposes)
	}
	if r.SealingKey(day0) == nil || r.SigningKey(day0) == nil || r.TokenKey(day0) == nil || r.AccessKeyKey() == nil {
		t.Error("a key is missing")
	}
	// A session begins at the second of its redemption, which may be a little before the key.
	if r.SealingKey(day0.Add(-time.Second)) != r.SealingKey(day0) {
		t.Error("there is no key for the second before the first one")
	}
	// Opened again, it is the same ring.
	before := rowsOf(t, st)
	openRing(t, st, r.root, options, day0.Add(time.Hour))
	if diff := cmp.Diff(before, rowsOf(t, st)); diff != "" {
		t.Errorf("opening again changed the ring:\n%s", diff)
	}
}

// A key of a purpose that a newer version added does not stop this one from starting.
func TestUnknownPurposesArePassedOver(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	openRing(t, st, root, options, day0)
	rows := rowsOf(t, st)
	wrapped, err := root.wrap(t.Context(), Label{ID: 99, Purpose: "of-a-newer-version"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	err = st.AddRingKeys(t.Context(), len(rows), []store.RingKey{{
		ID: 99, Purpose: "of-a-newer-version", Created: day0, UseFrom: day0, Wrapped: wrapped,
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := openRing(t, st, root, options, day0.Add(time.Minute))
	if _, ok := r.SealKey(99); ok {
		t.Error("a key of an unknown purpose opens envelopes")
	}
}

// Many nodes start on an empty database at once. All must end up with the same keys, or they could not open each
// other's envelopes.
func TestRacingNodesMakeOneSetOfKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	root := newRoot(t)
	stores := []store.Store{openStore(t, path), openStore(t, path)}
	rings := make([]*Ring, 8)
	errs := make([]error, len(rings))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			<-start
			rings[i], errs[i] = Open(t.Context(), stores[i%len(stores)], root, options, day0)
		})
	}
	close(start)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("node %d: Open = %v", i, err)
		}
	}
	if n := len(rowsOf(t, stores[0])); n != 4 {
		t.Errorf("%d nodes made %d keys, want 4", len(rings), n)
	}
	token := seal.SealRefresh(rings[0].SealingKey(day0), session(day0), 0)
	for i, r := range rings {
		if _, _, err := seal.OpenRefresh(r, token); err != nil {
			t.Errorf("node %d cannot open what node 0 sealed: %v", i, err)
		}
		if r.SigningKey(day0).ID != rings[0].SigningKey(day0).ID || r.TokenKey(day0).ID != rings[0].TokenKey(day0).ID || r.AccessKeyKey().ID() != rings[0].AccessKeyKey().ID() || !bytes.Equal(r.JWKS(), rings[0].JWKS()) {
			t.Errorf("node %d has other keys than node 0", i)
		}
	}
}
