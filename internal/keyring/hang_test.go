package keyring

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
)

// hanging is a node whose root key does not answer, beside one whose root key does. It belongs into a synctest bubble.
func hanging(t *testing.T) (ring, other *Ring, root *remote) {
	t.Helper()
	st := newStore(t)
	far := newRemote(t, "aws-kms:a")
	root = &remote{Wrapper: far.Wrapper, id: far.id}
	other, ring = openRing(t, st, NewRoot(far), options, day0), openRing(t, st, NewRoot(root), options, day0)
	ring.patience = askQuickly
	root.asked()
	root.hang = make(chan struct{})
	return ring, other, root
}

// begin calls Maintain until it waits for the root key, and returns a function that waits for its end.
func begin(t *testing.T, r *Ring, now time.Time) (end func() error) {
	t.Helper()
	start, ended := time.Now(), make(chan error, 1)
	go func() { ended <- r.Maintain(t.Context(), now) }()
	synctest.Wait()
	return func() error {
		err := <-ended
		if took := time.Since(start); took > askQuickly {
			t.Errorf("Maintain took %v, want at most %v", took, askQuickly)
		}
		return err
	}
}

// The kill switch does not wait for a KMS that hangs: not a second, and not for what another call is still asking it.
func TestRetiredKeyIsGoneWhileTheRootKeyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, other, root := hanging(t)
		now := day0.Add(time.Hour)
		stolen, access := ring.SealingKey(now).ID(), ring.AccessKeyKey().ID()
		token := seal.SealRefresh(ring.SealingKey(now), session(now), 0)
		retire(t, other, stolen, now)
		end := begin(t, ring, now)
		if opens(ring, token) {
			t.Error("the retired key opens while the root key is asked for its successor")
		}
		if err := ring.Ready(now); err == nil {
			t.Error("Ready = nil on a node that lacks the key in use")
		}
		// Until the new key is here, the node does not fall over, and what it seals is good nowhere.
		sealed := seal.SealRefresh(ring.SealingKey(now), session(now), 0)
		if _, err := ring.SigningKey(now).Sign([]byte("{}")); err != nil || opens(ring, sealed) || opens(other, sealed) {
			t.Errorf("Sign = %v; what the node sealed opens: %v, %v", err, opens(ring, sealed), opens(other, sealed))
		}
		if err := end(); err == nil || ring.Err() == nil || !strings.Contains(err.Error(), "aws-kms:a) is slow") {
			t.Errorf("Maintain = %v, Err = %v, want that the root key is slow", err, ring.Err())
		}

		// The first attempt is still under way.
		retire(t, other, access, now)
		end = begin(t, ring, now)
		if _, ok := ring.AccessKeyByID(access); ok {
			t.Error("the second retired key is good while the root key is asked for what came before")
		}
		if err := end(); err == nil {
			t.Error("Maintain = nil, want that the root key is slow")
		}
		if n := root.asked(); n != 1 {
			t.Errorf("the root key that hangs is asked %d times at once, want once", n)
		}

		// After it gave up, the next one says what was wrong.
		time.Sleep(askAtMost)
		if err := begin(t, ring, now)(); err == nil || !strings.Contains(err.Error(), "cannot be unwrapped with aws-kms:a") {
			t.Errorf("Maintain = %v, want the problem of the attempt before", err)
		}
		close(root.hang)
		synctest.Wait() // nobody calls Maintain again
		if err := errors.Join(ring.Ready(now), ring.Err()); err != nil {
			t.Errorf("when the root key has answered, Ready and Err = %v", err)
		}
		if _, ok := ring.AccessKeyByID(access); ok || opens(ring, token) {
			t.Error("a retired key came back when the root key answered")
		}
		if got, want := ring.SealingKey(now).ID(), other.SealingKey(now).ID(); got != want {
			t.Errorf("key %d is in use, want %d", got, want)
		}
	})
}

// What was asked before a key was retired, and is answered after, does not bring it back.
func TestSlowAnswerDoesNotBringBackARetiredKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, other, root := hanging(t)
		now := day0.Add(time.Hour)
		stolen := ring.SealingKey(now).ID()
		token := seal.SealRefresh(ring.SealingKey(now), session(now), 0)
		published := rotate(t, other, now, "seal")[0].ID
		begin(t, ring, now)() // asks for the published key, beside which the stolen one is good
		retire(t, other, stolen, now)
		retire(t, other, published, now)
		begin(t, ring, now)()
		close(root.hang)
		synctest.Wait()
		if _, ok := ring.SealKey(published); ok || opens(ring, token) {
			t.Errorf("the published key opens: %v; the key that was in use: %v", ok, opens(ring, token))
		}
		maintain(t, now, ring)
		if err := ring.Ready(now); err != nil {
			t.Errorf("Ready = %v", err)
		}
	})
}

// A key that is due cannot be wrapped: that does not hold up the next call either.
func TestRetiredKeyIsGoneWhileAKeyIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, other, root := hanging(t)
		due := day0.Add(options.Rotate)
		begin(t, ring, due)()
		if root.wraps == 0 {
			t.Fatal("no key was due")
		}
		signer := ring.SigningKey(due).ID
		for _, row := range rowsOf(t, ring.keys) {
			if row.PublicID == signer {
				retire(t, other, row.ID, due)
			}
		}
		end := begin(t, ring, due)
		if strings.Contains(string(ring.JWKS()), signer) {
			t.Error("the retired key is published while the root key is asked to wrap others")
		}
		end()
		time.Sleep(askAtMost)
		if err := ring.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v, Err = %v, want that the root key was given up", askAtMost, err)
		}
		close(root.hang)
		maintain(t, due, ring)
		if err := errors.Join(ring.Ready(due), ring.Err()); err != nil {
			t.Errorf("afterwards, Ready and Err = %v", err)
		}
	})
}

// A call that finds an attempt under way does what it was called for itself, when that one is done.
func TestAttemptThatBeganBeforeIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, other, root := hanging(t)
		now := day0.Add(time.Hour)
		rotate(t, other, now, "seal")
		root.away = true
		begin(t, ring, now)()
		root.away = false
		end := begin(t, ring, now)
		close(root.hang) // and the first one hears that the root key is away
		if err := end(); err != nil {
			t.Errorf("Maintain = %v, want nil: the root key is there now", err)
		}
	})
}

// One root key is away, and what the other one opens is used at once.
func TestKeyThatOpensIsUsedBesideOneThatDoesNot(t *testing.T) {
	st := newStore(t)
	near, far := newRoot(t).wrapper, newRemote(t, "aws-kms:a")
	mine := &remote{Wrapper: far.Wrapper, id: far.id}
	now := day0.Add(time.Hour)
	one, two := openRing(t, st, NewRoot(far, near), options, day0), openRing(t, st, NewRoot(near, far), options, day0)
	ring := openRing(t, st, NewRoot(near, mine), options, day0)
	mine.away = true
	shut, open := rotate(t, one, now, "access-key")[0].ID, rotate(t, two, now, "seal")[0].ID
	if err := ring.Maintain(t.Context(), now); !errors.Is(err, errOut) {
		t.Errorf("Maintain = %v, want that a root key is away", err)
	}
	if _, ok := ring.SealKey(open); !ok {
		t.Errorf("key %d does not open", open)
	}
	if _, ok := ring.AccessKeyByID(shut); ok {
		t.Errorf("key %d is good", shut)
	}
}
