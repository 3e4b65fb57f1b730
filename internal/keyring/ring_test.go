package keyring

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
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
	if slices.Sort(purposes); !slices.Equal(purposes, []string{"access-key", "seal", "sign-es256"}) {
		t.Errorf("keys are %v", purposes)
	}
	if r.SealingKey(day0) == nil || r.SigningKey(day0) == nil || r.AccessKeyKey() == nil {
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

// Nothing in the database is of use without the root key, and a wrong one changes nothing: not even what is due.
func TestWrongRootKeyIsRefusedAndChangesNothing(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	openRing(t, st, root, options, day0)
	for _, tt := range []struct {
		name        string
		right, then time.Duration // when the right key is used, and then a wrong one
	}{
		{"nothing is due", 0, time.Minute},
		{"new keys are due", time.Minute, 31 * day},
		{"old ones have expired", 30 * day, 40 * day},
		{"both", 40 * day, 100 * day},
	} {
		openRing(t, st, root, options, day0.Add(tt.right))
		before := rowsOf(t, st)
		if _, err := Open(t.Context(), st, newRoot(t), options, day0.Add(tt.then)); !errors.Is(err, ErrWrongRoot) {
			t.Errorf("%s: Open with another root key = %v, want ErrWrongRoot", tt.name, err)
		}
		if diff := cmp.Diff(before, rowsOf(t, st)); diff != "" {
			t.Errorf("%s: opening with another root key changed the ring:\n%s", tt.name, diff)
		}
	}
}

// edited is a store whose rows somebody changed.
type edited struct {
	store.Keys
	change func([]store.RingKey)
}

func (e edited) RingKeys(ctx context.Context) ([]store.RingKey, error) {
	rows, err := e.Keys.RingKeys(ctx)
	e.change(rows)
	return rows, err
}

// Attack: somebody who can write to the database exchanges or alters keys, for example to have an old key used again.
func TestAlteredRowsAreRefused(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	r := openRing(t, st, root, options, day0)
	maintain(t, day0.Add(30*day), r) // now there are two of those that rotate
	find := func(rows []store.RingKey, purpose string) (indices []int) {
		for i := range rows {
			if rows[i].Purpose == purpose {
				indices = append(indices, i)
			}
		}
		return indices
	}
	for name, change := range map[string]func(rows []store.RingKey){
		"the secrets of two keys of one purpose are swapped": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)
			rows[i[0]].Wrapped, rows[i[1]].Wrapped = rows[i[1]].Wrapped, rows[i[0]].Wrapped
		},
		"the secrets of two purposes are swapped": func(rows []store.RingKey) {
			i, j := find(rows, purposeSeal)[0], find(rows, purposeAccessKey)[0]
			rows[i].Wrapped, rows[j].Wrapped = rows[j].Wrapped, rows[i].Wrapped
		},
		"the ids of two keys are swapped": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)
			rows[i[0]].ID, rows[i[1]].ID = rows[i[1]].ID, rows[i[0]].ID
		},
		"a key has another purpose": func(rows []store.RingKey) { rows[find(rows, purposeAccessKey)[0]].Purpose = purposeSeal },
		"a bit is turned over": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)[0]
			rows[i].Wrapped = bytes.Clone(rows[i].Wrapped)
			rows[i].Wrapped[30] ^= 1
		},
		"a secret is cut":     func(rows []store.RingKey) { rows[0].Wrapped = rows[0].Wrapped[:10] },
		"a secret is missing": func(rows []store.RingKey) { rows[0].Wrapped = nil },
	} {
		if _, err := Open(t.Context(), edited{st, change}, root, options, day0.Add(30*day)); !errors.Is(err, ErrWrongRoot) {
			t.Errorf("%s: Open = %v, want ErrWrongRoot", name, err)
		}
	}
}

// A key of a purpose that a newer version added does not stop this one from starting.
func TestUnknownPurposesArePassedOver(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	openRing(t, st, root, options, day0)
	rows := rowsOf(t, st)
	err := st.AddRingKeys(t.Context(), len(rows), []store.RingKey{{
		ID: 99, Purpose: "of-a-newer-version", Created: day0, UseFrom: day0, Wrapped: root.wrap(99, "of-a-newer-version", []byte("x")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := openRing(t, st, root, options, day0.Add(time.Minute))
	if _, ok := r.SealKey(99); ok {
		t.Error("a key of an unknown purpose opens envelopes")
	}
}

func session(start time.Time) signin.Session {
	return signin.Session{
		ID: signin.NewSessionID(start), ClientID: signin.SameDevice, AuthTime: start, Issued: start, Start: start, End: start.Add(12 * time.Hour),
		Principal: signin.Principal{Account: "111122223333", Role: "R", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ"},
	}
}

// A refresh asks which key was in use when its step began. The answer must be the same before, during and after a
// rotation, and on a node that hears of the new key late, or two requests of one step would get different tokens.
func TestStepsKeepTheirKeyOverARotation(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	first := openRing(t, st, root, options, day0)
	late := openRing(t, st, root, options, day0)
	rotation := day0.Add(30*day - options.Publish) // when the new key is published
	step := func(k int) time.Time { return rotation.Add(time.Duration(k) * 5 * time.Minute) }
	s := session(step(0))
	sealed := func(r *Ring, k int) string { return seal.SealRefresh(r.SealingKey(step(k)), s, int64(k)) }

	maintain(t, rotation.Add(-time.Minute), first)
	if n := len(rowsOf(t, st)); n != 3 {
		t.Fatalf("a minute before its time there are %d keys, want 3", n)
	}
	before := []string{sealed(first, -1), sealed(first, 0), sealed(first, 1)}
	maintain(t, rotation, first) // publishes
	if n := len(rowsOf(t, st)); n != 5 {
		t.Fatalf("at its time there are %d keys, want 5", n)
	}
	after := []string{sealed(first, -1), sealed(first, 0), sealed(first, 1)}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("publishing a key changed the tokens of steps that began before its use:\n%s", diff)
	}
	for k := -1; k < 2; k++ {
		if sealed(first, k) != sealed(late, k) {
			t.Errorf("two nodes give different tokens for step %d, before the new key is in use", k)
		}
	}
	// Step 2 begins ten minutes after publication, when all nodes have loaded the key.
	maintain(t, step(1), late)
	if first.SealingKey(step(2)).ID() == first.SealingKey(step(1)).ID() {
		t.Error("the new key is not in use ten minutes after it was published")
	}
	for k := -1; k < 4; k++ {
		if sealed(first, k) != sealed(late, k) {
			t.Errorf("two nodes give different tokens for step %d", k)
		}
		if _, step, err := seal.OpenRefresh(late, sealed(first, k)); err != nil || step != int64(k) {
			t.Errorf("OpenRefresh(the token of step %d) = step %d, %v", k, step, err)
		}
	}
	if diff := cmp.Diff(before, []string{sealed(late, -1), sealed(late, 0), sealed(late, 1)}); diff != "" {
		t.Errorf("after the rotation, earlier steps have other tokens:\n%s", diff)
	}
}

// What was sealed opens as long as it may be good; then the key goes, from memory and from the database.
func TestOldKeysOpenUntilNothingOfThemIsGood(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	r := openRing(t, st, root, options, day0)
	old := r.SealingKey(day0).ID()
	oldAccess, oldSigner := r.AccessKeyKey().ID(), r.SigningKey(day0).ID
	publish := day0.Add(30*day - options.Publish)
	replaced := publish.Add(options.Publish)
	last := seal.SealRefresh(r.SealingKey(replaced.Add(-time.Second)), session(replaced.Add(-time.Second)), 0)
	maintain(t, publish, r)
	maintain(t, replaced, r)
	if r.SealingKey(replaced).ID() == old {
		t.Fatal("the key was not replaced")
	}
	end := replaced.Add(options.Longest)
	maintain(t, end, r)
	if _, _, err := seal.OpenRefresh(r, last); err != nil {
		t.Errorf("at the end of the longest envelope, OpenRefresh = %v, want nil", err)
	}
	maintain(t, end.Add(time.Second), r)
	if _, _, err := seal.OpenRefresh(r, last); !errors.Is(err, seal.ErrNotOurs) {
		t.Errorf("a second later, OpenRefresh = %v, want ErrNotOurs", err)
	}
	for _, row := range rowsOf(t, st) {
		if row.ID == old || row.PublicID == oldSigner && oldSigner != "" {
			t.Errorf("key %d of %s expired at %v and is still in the database", row.ID, row.Purpose, row.Expires)
		}
	}
	// Secrets of access keys are derived from their key whenever they are needed: it stays.
	if r.AccessKeyKey().ID() != oldAccess {
		t.Error("the key of access keys was rotated")
	}
	if _, ok := r.AccessKeyByID(oldAccess); !ok {
		t.Error("the key of access keys is gone")
	}
}

// Rotation goes on for years, on a clock that is looked at every day; nothing piles up.
func TestRingStaysSmall(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	access := r.AccessKeyKey().ID()
	seen := map[uint32]bool{}
	for now := day0; now.Before(day0.Add(730 * day)); now = now.Add(day) {
		maintain(t, now, r)
		seen[r.SealingKey(now).ID()] = true
		if n := len(rowsOf(t, st)); n > 5 {
			t.Fatalf("on day %d the ring has %d keys, want at most 5", now.Sub(day0)/day, n)
		}
		if age := r.Ages(now)[purposeSeal]; age > 31*day {
			t.Fatalf("on day %d the sealing key is %d days old", now.Sub(day0)/day, age/day)
		}
	}
	if len(seen) < 23 || len(seen) > 26 {
		t.Errorf("in two years %d keys were in use, want one for each 30 days", len(seen))
	}
	if r.AccessKeyKey().ID() != access {
		t.Error("the key of access keys was rotated")
	}
}

// A server that was off for longer than a key is used goes on with the old key until others can have loaded the new one.
func TestAfterALongRestTheNewKeyIsPublishedFirst(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	old := openRing(t, st, root, options, day0).SealingKey(day0).ID()
	now := day0.Add(100 * day)
	r := openRing(t, st, root, options, now)
	if got := r.SealingKey(now).ID(); got != old {
		t.Errorf("the key in use after a long rest is %d, want %d until the new one was published for %v", got, old, options.Publish)
	}
	if got := r.SealingKey(now.Add(options.Publish)).ID(); got == old {
		t.Errorf("after %v the key in use is still the old one", options.Publish)
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
	if n := len(rowsOf(t, stores[0])); n != 3 {
		t.Errorf("%d nodes made %d keys, want 3", len(rings), n)
	}
	token := seal.SealRefresh(rings[0].SealingKey(day0), session(day0), 0)
	for i, r := range rings {
		if _, _, err := seal.OpenRefresh(r, token); err != nil {
			t.Errorf("node %d cannot open what node 0 sealed: %v", i, err)
		}
		if r.SigningKey(day0).ID != rings[0].SigningKey(day0).ID || r.AccessKeyKey().ID() != rings[0].AccessKeyKey().ID() || !bytes.Equal(r.JWKS(), rings[0].JWKS()) {
			t.Errorf("node %d has other keys than node 0", i)
		}
	}
}

func TestRootKeyHasItsForm(t *testing.T) {
	good := NewRootKey()
	if other := NewRootKey(); good == other || len(good) != 44 {
		t.Errorf("NewRootKey = %q, then %q", good, other)
	}
	for _, text := range []string{good, good + "\n", "  " + good + "\r\n"} {
		if _, err := ParseRoot(text); err != nil {
			t.Errorf("ParseRoot(a good key) = %v", err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "too short": good[4:], "too long": "AAAA" + good, "no padding": strings.TrimRight(good, "="), "hex": strings.Repeat("ab", 32),
		"two keys": good + "\n" + good, "another alphabet": "-_" + good[2:], "no base64": strings.Repeat("!", 44),
	} {
		_, err := ParseRoot(text)
		if err == nil {
			t.Errorf("%s: ParseRoot = nil, want an error", name)
		} else if text != "" && strings.Contains(err.Error(), strings.TrimSpace(text)[:4]) {
			t.Errorf("%s: ParseRoot = %v, which shows the key", name, err)
		}
	}
}
