package keyring

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/seal"
)

// A database of an older version has nothing in front of what its root key made. It opens, and still does where the root
// key is among those that only open.
func TestKeysOfOlderVersionsOpen(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	first := openRing(t, st, root, options, day0)
	token := seal.SealRefresh(first.SealingKey(day0), session(day0), 0)
	old := edited{st, stripIDs}
	for name, r := range map[string]*Root{"alone": root, "beside another": NewRoot(newRemote(t, "vault:transit/a"), newRoot(t).wrapper, root.wrapper)} {
		if ring := openRing(t, old, r, options, day0.Add(time.Minute)); !opens(ring, token) {
			t.Errorf("%s: what was sealed before does not open", name)
		}
	}
	_, err := Open(t.Context(), old, newRoot(t), options, day0)
	if !errors.Is(err, ErrWrongRoot) || !strings.Contains(err.Error(), "was wrapped by a local root key") {
		t.Errorf("Open with another root key = %v, want ErrWrongRoot that says what kind is missing", err)
	}
}

// An operator who has several root keys must be told which of them is missing.
func TestMissingRootKeyIsNamed(t *testing.T) {
	st := newStore(t)
	local, far := newRoot(t), newRemote(t, "aws-kms:alias/first")
	openRing(t, st, local, options, day0)
	_, err := Open(t.Context(), st, NewRoot(far), options, day0)
	if !errors.Is(err, ErrWrongRoot) || !strings.Contains(err.Error(), "was wrapped by "+local.ID()+", and here is aws-kms:alias/first") {
		t.Errorf("Open = %v, want both named", err)
	}
	if n := far.asked(); n != 0 {
		t.Errorf("a key of another kind was sent to the KMS %d times", n)
	}

	// A root key of the same kind may be the same by another name; one that is not, is not.
	st = newStore(t)
	openRing(t, st, NewRoot(far), options, day0)
	alias := &remote{Wrapper: far.Wrapper, id: "aws-kms:arn:aws:kms:us-east-1:111122223333:key/1"}
	openRing(t, st, NewRoot(alias), options, day0)
	_, err = Open(t.Context(), st, NewRoot(newRemote(t, "aws-kms:alias/first")), options, day0)
	if !errors.Is(err, ErrWrongRoot) || !strings.Contains(err.Error(), "names aws-kms:alias/first, which does not open it") {
		t.Errorf("Open with another key of that name = %v", err)
	}
}

// A root key that cannot be asked is not a wrong one: the operator is told what failed, and no key is made.
func TestUnreachableRootKeyIsNotAWrongOne(t *testing.T) {
	st := newStore(t)
	far := newRemote(t, "vault:transit/a")
	openRing(t, st, NewRoot(far), options, day0)
	far.away = true
	far.asked()
	_, err := Open(t.Context(), st, NewRoot(far), options, day0.Add(100*day))
	if err == nil || errors.Is(err, ErrWrongRoot) || !errors.Is(err, errOut) || !strings.Contains(err.Error(), "cannot be unwrapped with vault:transit/a: out of reach") {
		t.Errorf("Open = %v, want what failed and where", err)
	}
	if n := far.asked(); n != 1 {
		t.Errorf("a root key that does not answer was asked %d times in a row, want once", n)
	}
	if n := len(rowsOf(t, st)); n != 4 {
		t.Errorf("there are %d keys, want 4", n)
	}
}

// A role that may encrypt and not decrypt would make a ring that no server ever opens.
func TestKeysThatDoNotOpenAgainAreNotAdded(t *testing.T) {
	st := newStore(t)
	far := newRemote(t, "aws-kms:a")
	far.noUnwraps = true
	if _, err := Open(t.Context(), st, NewRoot(far), options, day0); err == nil || !strings.Contains(err.Error(), "has just wrapped does not open") {
		t.Errorf("Open = %v", err)
	}
	if n := len(rowsOf(t, st)); n != 0 {
		t.Errorf("%d keys were added", n)
	}
}

// A running node asks the root key for what it has not seen, and for nothing else: no outage of the root key hurts it.
func TestRunningNodeDoesNotNeedTheRootKey(t *testing.T) {
	st := newStore(t)
	far := newRemote(t, "aws-kms:a")
	ring := openRing(t, st, NewRoot(far), options, day0)
	if n := far.asked(); n != 4 {
		t.Errorf("making four keys asked the root key to unwrap %d times, want 4", n)
	}
	maintain(t, day0.Add(time.Minute), ring, ring)
	if n := far.asked(); n != 0 {
		t.Errorf("loading an unchanged ring asked %d times, want 0", n)
	}
	far.away = true
	maintain(t, day0.Add(2*time.Minute), ring)
	// When the next keys are due, they wait.
	due := day0.Add(30 * day)
	if err := ring.Maintain(t.Context(), due); !errors.Is(err, errOut) || !errors.Is(ring.Err(), errOut) {
		t.Errorf("Maintain = %v, Err = %v, want why no key was made", err, ring.Err())
	}
	if err := ring.Ready(due); err != nil {
		t.Errorf("Ready = %v, want nil: the node has all keys that there are", err)
	}
	far.away = false
	maintain(t, due.Add(time.Minute), ring)
	if err := ring.Err(); err != nil {
		t.Errorf("afterwards Err = %v", err)
	}
	if n := len(rowsOf(t, st)); n != 7 {
		t.Errorf("there are %d keys, want 7", n)
	}
}

// Another node makes a key that this one cannot unwrap. It goes on, says so, and is ready until somebody may use the key.
func TestNodeWithAKeyThatItCannotUnwrap(t *testing.T) {
	st := newStore(t)
	far := newRemote(t, "aws-kms:a")
	mine := &remote{Wrapper: far.Wrapper, id: far.id}
	other := openRing(t, st, NewRoot(far), options, day0)
	ring := openRing(t, st, NewRoot(mine), options, day0)
	mine.away = true

	rotated := day0.Add(time.Hour)
	if _, err := other.Rotate(t.Context(), rotated, []string{"seal"}); err != nil {
		t.Fatal(err)
	}
	inUse := rotated.Add(options.Publish)
	token := seal.SealRefresh(other.SealingKey(inUse), session(inUse), 0)
	before := rowsOf(t, st)
	if err := ring.Maintain(t.Context(), rotated); err == nil || ring.Err() == nil {
		t.Errorf("Maintain = %v, Err = %v, want errors", err, ring.Err())
	}
	if diff := cmp.Diff(before, rowsOf(t, st)); diff != "" {
		t.Errorf("the node wrote to the ring:\n%s", diff)
	}
	if err := ring.Ready(inUse.Add(-2*Skew - time.Second)); err != nil {
		t.Errorf("Ready before anybody uses the key = %v", err)
	}
	for _, now := range []time.Time{inUse.Add(-2 * Skew), inUse, inUse.Add(day)} {
		ring.Maintain(t.Context(), now)
		if err := ring.Ready(now); err == nil || !strings.Contains(err.Error(), "key 5 (seal)") {
			t.Errorf("Ready when the key may be used = %v", err)
		}
	}
	if opens(ring, token) {
		t.Error("the token opens")
	}
	mine.away = false
	maintain(t, inUse, ring)
	if err := ring.Ready(inUse); err != nil || !opens(ring, token) {
		t.Errorf("afterwards Ready = %v, the token opens: %v", err, opens(ring, token))
	}
}
