package keyring

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

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
	if n := len(rowsOf(t, st)); n != 4 {
		t.Fatalf("a minute before its time there are %d keys, want 4", n)
	}
	before := []string{sealed(first, -1), sealed(first, 0), sealed(first, 1)}
	maintain(t, rotation, first) // publishes
	if n := len(rowsOf(t, st)); n != 7 {
		t.Fatalf("at its time there are %d keys, want 7", n)
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
	inUse := rotation.Add(options.Publish)
	if first.SealingKey(inUse).ID() == first.SealingKey(step(1)).ID() {
		t.Error("the new key is not in use ten minutes after it was published")
	}
	if first.SealingKey(inUse.Add(-time.Nanosecond)).ID() != first.SealingKey(step(1)).ID() {
		t.Error("the new key is in use before its time")
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
	end := replaced.Add(options.Longest + 2*Skew)
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
		if n := len(rowsOf(t, st)); n > 7 {
			t.Fatalf("on day %d the ring has %d keys, want at most 7", now.Sub(day0)/day, n)
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
