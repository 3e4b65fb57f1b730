package keyring

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

func listOf(t *testing.T, st store.Keys, now time.Time) []Key {
	t.Helper()
	return List(rowsOf(t, st), now)
}

func retire(t *testing.T, r *Ring, id uint32, now time.Time) []Key {
	t.Helper()
	made, err := r.Retire(t.Context(), id, now)
	if err != nil {
		t.Fatalf("Retire(%d) = %v", id, err)
	}
	return made
}

func rotate(t *testing.T, r *Ring, now time.Time, purposes ...string) []Key {
	t.Helper()
	keys, err := r.Rotate(t.Context(), now, purposes)
	if err != nil {
		t.Fatalf("Rotate(%q) = %v", purposes, err)
	}
	return keys
}

func TestForcedRotationIsPublishedBeforeItIsUsed(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	now := day0.Add(time.Hour)
	token := seal.SealRefresh(r.SealingKey(now), session(now), 0)
	oldSeal, oldSign := r.SealingKey(now).ID(), r.SigningKey(now).ID
	keys := rotate(t, r, now)
	if len(keys) != 3 || keys[0].State != Published || !keys[0].Since.Equal(now.Add(options.Publish)) {
		t.Errorf("Rotate = %+v, want three keys that are used in %v", keys, options.Publish)
	}
	again := rotate(t, r, now.Add(time.Minute))
	if diff := cmp.Diff(keys, again); diff != "" {
		t.Errorf("a second Rotate, soon after, gives others:\n%s", diff)
	}
	use := now.Add(options.Publish)
	if got := r.SealingKey(use.Add(-time.Second)).ID(); got != oldSeal {
		t.Errorf("before its time key %d is in use", got)
	}
	if r.SealingKey(use).ID() == oldSeal || r.SigningKey(use).ID == oldSign || !opens(r, token) {
		t.Error("in due time, the keys in use are the old ones, or what was sealed does not open")
	}
	// Those of access keys rotate when they are told to. What older ones made stays good.
	access := r.AccessKeyKey().ID()
	rotate(t, r, now, "access-key")
	if got := r.AccessKeyKey().ID(); got != access {
		t.Errorf("at once, access keys are made from key %d", got)
	}
	maintain(t, use, r)
	if _, ok := r.AccessKeyByID(access); !ok || r.AccessKeyKey().ID() == access {
		t.Errorf("in due time, access keys are made from key %d, and the old one is there: %v", r.AccessKeyKey().ID(), ok)
	}
	if _, err := r.Rotate(t.Context(), now, []string{"everything"}); err == nil {
		t.Error("Rotate of an unknown purpose = nil")
	}
}

// The key in use was stolen. It opens nothing from now on, and another is in use at once, for the past as well: two nodes
// must agree on the key of a step that is under way.
func TestStolenKeyInUseIsReplacedAtOnce(t *testing.T) {
	for _, skew := range []time.Duration{-Skew, 0, Skew} {
		st := newStore(t)
		root := newRoot(t)
		r, other := openRing(t, st, root, options, day0), openRing(t, st, root, options, day0)
		maintain(t, day0.Add(30*day), r, other)
		now := day0.Add(31 * day)
		stolen, access, signer := r.SealingKey(now).ID(), r.AccessKeyKey().ID(), r.SigningKey(now).ID
		before := seal.SealRefresh(r.SealingKey(day0.Add(30*day)), session(day0.Add(30*day)), 0) // under the key before
		token := seal.SealRefresh(r.SealingKey(now), session(now), 0)
		made := retire(t, r, stolen, now)
		if len(made) != 1 || made[0].State != InUse || made[0].Purpose != purposeSeal {
			t.Errorf("Retire = %+v, want one key that is in use", made)
		}
		maintain(t, now.Add(skew), other) // whatever its clock says
		for name, ring := range map[string]*Ring{"the node": r, "another": other} {
			if opens(ring, token) || !opens(ring, before) {
				t.Errorf("%s: opens what the stolen key sealed: %v; what the key before sealed: %v", name, opens(ring, token), opens(ring, before))
			}
			for _, at := range []time.Time{now.Add(-10 * time.Minute), now, now.Add(day)} {
				if got := ring.SealingKey(at).ID(); got != made[0].ID {
					t.Errorf("%s: the key at %v is %d, want %d", name, at.Sub(now), got, made[0].ID)
				}
			}
			if ring.AccessKeyKey().ID() != access || ring.SigningKey(now).ID != signer {
				t.Errorf("%s: keys of other purposes changed", name)
			}
		}
		maintain(t, now.Add(time.Minute), r)
		if slices.ContainsFunc(rowsOf(t, st), func(row store.RingKey) bool { return row.ID == stolen }) {
			t.Error("the stolen key is still in the database")
		}
		if _, err := r.Retire(t.Context(), stolen, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Retire again = %v, want ErrNotFound", err)
		}
	}
}

func TestRetiringOtherKeys(t *testing.T) {
	now := day0.Add(40 * day)
	for _, tt := range []struct {
		name    string
		prepare func(r *Ring) (id uint32) // and returns the one to be retired
		want    map[string][]uint32       // class and state → ids afterwards
	}{
		{"one that opens only", func(r *Ring) uint32 {
			rotate(t, r, now, "seal")
			maintain(t, now.Add(options.Publish), r)
			return 1
		}, map[string][]uint32{"seal in use": {5}}},
		{"one that is published", func(r *Ring) uint32 {
			return rotate(t, r, now.Add(options.Publish-time.Minute), "seal")[0].ID
		}, map[string][]uint32{"seal in use": {1}, "seal published": {6}}},
		{"one in use while the next is published", func(r *Ring) uint32 {
			rotate(t, r, now.Add(options.Publish-time.Minute), "seal")
			return 1
		}, map[string][]uint32{"seal in use": {6}, "seal published": {5}}},
		{"the key of id tokens", func(r *Ring) uint32 { return 3 }, map[string][]uint32{"sign in use": {5}, "sign-access in use": {4}, "seal in use": {1}}},
		{"the key of access tokens", func(r *Ring) uint32 { return 4 }, map[string][]uint32{"sign-access in use": {5}, "sign in use": {3}}},
		{"the key of access keys", func(r *Ring) uint32 { return 2 }, map[string][]uint32{"access-key in use": {5}}},
		{"an old key of access keys", func(r *Ring) uint32 {
			rotate(t, r, now, "access-key")
			maintain(t, now.Add(options.Publish), r)
			return 2
		}, map[string][]uint32{"access-key in use": {5}}},
	} {
		st := newStore(t)
		o := options
		o.Rotate = 1000 * day // only what the test does
		r := openRing(t, st, newRoot(t), o, day0)
		id := tt.prepare(r)
		at := now.Add(options.Publish)
		retire(t, r, id, at)
		got := listOf(t, st, at)
		for what, want := range tt.want {
			var ids []uint32
			for _, k := range got {
				if fmt.Sprintf("%s %s", class(k.Purpose), k.State) == what {
					ids = append(ids, k.ID)
				}
			}
			if !slices.Equal(ids, want) {
				t.Errorf("%s: after Retire(%d), %s are %v, want %v of %+v", tt.name, id, what, ids, want, got)
			}
		}
		for _, k := range got {
			if k.ID == id && k.State != Expired {
				t.Errorf("%s: key %d is %s", tt.name, id, k.State)
			}
		}
		if _, ok := r.SealKey(id); ok {
			t.Errorf("%s: key %d opens", tt.name, id)
		}
		if _, ok := r.AccessKeyByID(id); ok {
			t.Errorf("%s: access keys of key %d are good", tt.name, id)
		}
		if err := r.Ready(at); err != nil {
			t.Errorf("%s: Ready = %v", tt.name, err)
		}
	}
}

// When the key that should have come next is gone, the one in use stays for longer, and so must what it seals meanwhile.
func TestKeyThatStaysInUseOpensForLonger(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	next := rotate(t, r, day0.Add(time.Hour), "seal")[0]
	maintain(t, day0.Add(time.Hour), r)
	later := next.Since.Add(-time.Minute)
	made := retire(t, r, next.ID, later)
	if len(made) != 1 || !made[0].Since.Equal(later.Add(options.Publish)) {
		t.Fatalf("Retire = %+v, want one key that is published for %v", made, options.Publish)
	}
	for _, k := range listOf(t, st, later) {
		if want := made[0].Since.Add(options.Longest + 2*Skew); k.ID == 1 && !k.Until.Equal(want) {
			t.Errorf("the key in use is good until %v, want %v", k.Until, want)
		}
	}
	// The same when lifetimes were made longer.
	o := options
	o.Longest += 48 * time.Hour
	openRing(t, st, r.root, o, later)
	for _, k := range listOf(t, st, later) {
		if want := made[0].Since.Add(o.Longest + 2*Skew); k.ID == 1 && !k.Until.Equal(want) {
			t.Errorf("with longer lifetimes, the key in use is good until %v, want %v", k.Until, want)
		}
	}
}

// The ring is described for operators without the root key.
func TestListOfKeys(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	r := openRing(t, st, root, options, day0)
	rotate(t, r, day0.Add(time.Hour), "seal")
	maintain(t, day0.Add(time.Hour), r)
	inUse := day0.Add(time.Hour + options.Publish)
	rotate(t, r, inUse, "seal")
	maintain(t, inUse, r)
	key := func(id uint32, purpose, state string, created, since, until time.Time) Key {
		return Key{ID: id, Purpose: purpose, State: state, Created: created, Since: since, Until: until, Root: root.ID()}
	}
	want := []Key{
		key(2, "access-key", InUse, day0, day0, time.Time{}),
		key(1, "seal", Retired, day0, day0, inUse.Add(options.Longest+2*Skew)),
		key(5, "seal", InUse, day0.Add(time.Hour), inUse, inUse.Add(options.Publish+options.Longest+2*Skew)),
		key(6, "seal", Published, inUse, inUse.Add(options.Publish), time.Time{}),
		key(3, "sign-es256", InUse, day0, day0, time.Time{}),
		key(4, "sign-access-es256", InUse, day0, day0, time.Time{}),
	}
	if diff := cmp.Diff(want, listOf(t, st, inUse)); diff != "" {
		t.Errorf("List:\n%s", diff)
	}
	rows := rowsOf(t, st)
	stripIDs(rows[:1])
	rows[1].Wrapped = []byte("latchkey\x01")
	keys := List(rows, inUse)
	if keys[1].Root != "local" || keys[0].Root != "unknown" {
		t.Errorf("roots of an old and a damaged row are %q and %q", keys[1].Root, keys[0].Root)
	}
}
