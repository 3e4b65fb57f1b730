package keyring

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// staged is a store on which something else happens around the setting of an expiry.
type staged struct {
	store.Store
	before, after func(expires time.Time)
}

func (s *staged) RetireRingKey(ctx context.Context, id uint32, was, expires time.Time) error {
	if s.before != nil {
		s.before(expires)
	}
	err := s.Store.RetireRingKey(ctx, id, was, expires)
	if s.after != nil {
		s.after(expires)
	}
	return err
}

// A node reads the ring when the successor of a stolen key is there and the key is not killed yet. It writes when the key
// is to end in the ordinary way after it was killed, and before it is deleted.
func TestLateExpiryDoesNotBringBackAStolenKey(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	operator, slow := &staged{Store: st}, &staged{Store: st}
	ring, node := openRing(t, operator, root, options, day0), openRing(t, slow, root, options, day0)
	now := day0.Add(time.Hour)
	stolen := ring.SealingKey(now).ID()
	token := seal.SealRefresh(ring.SealingKey(now), session(now), 0)

	read, write, wrote := make(chan bool), make(chan bool), make(chan error, 1)
	slow.before = func(time.Time) {
		slow.before = nil
		read <- true
		<-write
	}
	// The successor is there when the operator's node sets the ordinary expiry, which it does as any node.
	operator.before = func(time.Time) {
		operator.before = nil
		go func() { wrote <- node.Maintain(t.Context(), now) }()
		<-read
	}
	operator.after = func(expires time.Time) {
		if !expires.Equal(killed) {
			return
		}
		close(write)
		if err := <-wrote; err != nil {
			t.Errorf("Maintain of the slow node = %v", err)
		}
	}
	retire(t, ring, stolen, now)
	maintain(t, now, ring, node)
	if opens(ring, token) || opens(node, token) {
		t.Errorf("the stolen key opens: on the operator's node %v, on the slow one %v", opens(ring, token), opens(node, token))
	}
	if slices.ContainsFunc(rowsOf(t, st), func(row store.RingKey) bool { return row.ID == stolen }) {
		t.Error("the stolen key is still in the database")
	}
}

// Others move the expiry, or delete the key, between the reading and the writing of the kill: it is killed all the same.
func TestStolenKeyIsKilledWhateverOthersSet(t *testing.T) {
	now := day0.Add(time.Hour)
	for name, set := range map[string]func(st store.Keys, id uint32, was time.Time) error{
		"moved": func(st store.Keys, id uint32, was time.Time) error {
			return st.RetireRingKey(t.Context(), id, was, was.Add(day))
		},
		"killed": func(st store.Keys, id uint32, was time.Time) error {
			return st.RetireRingKey(t.Context(), id, was, killed)
		},
		"deleted": func(st store.Keys, id uint32, was time.Time) error {
			return errors.Join(st.RetireRingKey(t.Context(), id, was, killed), st.DeleteRingKeys(t.Context(), now))
		},
	} {
		st := &staged{Store: newStore(t)}
		ring := openRing(t, st, newRoot(t), options, day0)
		stolen := ring.SealingKey(now).ID()
		st.before = func(expires time.Time) {
			if !expires.Equal(killed) {
				return
			}
			st.before = nil
			for _, row := range rowsOf(t, st) {
				if row.ID != stolen {
					continue
				}
				if err := set(st.Store, row.ID, row.Expires); err != nil {
					t.Fatal(err)
				}
			}
		}
		retire(t, ring, stolen, now)
		_, open := ring.SealKey(stolen)
		if left := slices.ContainsFunc(rowsOf(t, st), func(row store.RingKey) bool { return row.ID == stolen }); open || left {
			t.Errorf("%s: the stolen key opens: %v; it is in the database: %v", name, open, left)
		}
	}
}

// The key with the highest id expires, and it is not followed by one with a higher id. The next key has another id all the
// same, so that a node that has missed all that does not take one for the other.
func TestIDsDoNotComeAgain(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	r := openRing(t, st, root, options, day0)
	now := day0.Add(time.Hour)
	next := rotate(t, r, now, "seal")[0]
	first := retire(t, r, r.SealingKey(now).ID(), now)[0] // made last, and used before next
	now = next.Since.Add(time.Minute)
	late := openRing(t, st, root, options, now)
	retire(t, r, first.ID, now)
	for range 2 {
		now = now.Add(time.Minute)
		r = openRing(t, st, root, options, now) // which remembers nothing
		if _, ok := r.SealKey(first.ID); ok {
			t.Errorf("key %d opens", first.ID)
		}
	}
	fresh := rotate(t, r, now, "access-key")[0]
	if fresh.ID <= first.ID {
		t.Errorf("the key after %d is %d", first.ID, fresh.ID)
	}
	now = now.Add(time.Minute)
	maintain(t, now, r)
	if slices.ContainsFunc(rowsOf(t, st), func(row store.RingKey) bool { return row.ID == first.ID }) {
		t.Errorf("key %d is still in the database, beside a higher one", first.ID)
	}

	// Somebody deletes by hand, or brings back an older copy of the database: a node that has seen the key remembers its id.
	maintain(t, now, late)
	if err := st.RetireRingKey(t.Context(), fresh.ID, time.Time{}, killed); err != nil {
		t.Fatal(err)
	}
	if err := st.DeleteRingKeys(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if again := rotate(t, late, now, "access-key")[0]; again.ID <= fresh.ID {
		t.Errorf("on a node that remembers key %d the next key is %d", fresh.ID, again.ID)
	}
}

// There is no id after the last one; it must not begin anew.
func TestIDsEnd(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	last := store.RingKey{ID: 1<<32 - 2, Purpose: "of-a-newer-version", Created: day0, UseFrom: day0, Expires: day0, Wrapped: []byte("x")}
	if err := st.AddRingKeys(t.Context(), 4, []store.RingKey{last}); err != nil {
		t.Fatal(err)
	}
	now := day0.Add(time.Hour)
	if keys := rotate(t, r, now, "seal"); keys[0].ID != 1<<32-1 {
		t.Errorf("the key after %d is %d", last.ID, keys[0].ID)
	}
	before := rowsOf(t, st)
	if _, err := r.Rotate(t.Context(), now, []string{"access-key"}); err == nil || len(rowsOf(t, st)) > len(before) {
		t.Errorf("after the last id, Rotate = %v; there were %d keys and are %d", err, len(before), len(rowsOf(t, st)))
	}
}

// Whatever gave an id again, a node does not use the key that it had under that id.
func TestKeyThatAnotherHasTakenTheIDOfIsNotUsed(t *testing.T) {
	for name, created := range map[string]time.Duration{"another key": time.Millisecond, "the same, damaged": 0} {
		st := newStore(t)
		root := newRoot(t)
		ring := openRing(t, st, root, options, day0)
		id := ring.SealingKey(day0).ID()
		edits := edited{st, func(rows []store.RingKey) {
			for i := range rows {
				if rows[i].ID == id {
					rows[i].Created = rows[i].Created.Add(created)
					rows[i].Wrapped = rows[i].Wrapped[1:]
				}
			}
		}}
		ring.keys = edits
		ring.Maintain(t.Context(), day0.Add(time.Minute))
		if ring.Err() == nil {
			t.Errorf("%s: Err = nil on a node that cannot unwrap it", name)
		}
		_, used := ring.SealKey(id)
		if ready := ring.Ready(day0.Add(time.Minute)) == nil; used != (created == 0) || ready != used {
			t.Errorf("%s: the key from before is used: %v, the node is ready: %v", name, used, ready)
		}
	}
}

// suspend returns t after the machine slept for d, which the clock that does not go back has not seen.
func suspend(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	type parts struct { // of a time.Time
		wall uint64
		ext  int64
		loc  *time.Location
	}
	later := at.Add(d)
	(*parts)(unsafe.Pointer(&later)).ext = (*parts)(unsafe.Pointer(&at)).ext
	if later.Sub(at) != 0 || later.Round(0).Sub(at.Round(0)) != d {
		t.Fatalf("a time.Time is not what it was: the clocks moved on by %v and %v", later.Sub(at), later.Round(0).Sub(at.Round(0)))
	}
	return later
}

// A laptop that was closed, or a virtual machine that was stopped, has heard of no key meanwhile.
func TestSuspendedNodeIsNotReady(t *testing.T) {
	start := time.Now()
	r := openRing(t, newStore(t), newRoot(t), options, start)
	if err := r.Ready(start.Add(r.staleAfter() - time.Second)); err != nil {
		t.Errorf("Ready = %v", err)
	}
	if err := r.Ready(suspend(t, start, r.staleAfter())); err == nil {
		t.Errorf("Ready = nil on a node that slept for %v", r.staleAfter())
	}
	// And when the clock on the wall is set back, time has passed all the same.
	if err := r.Ready(suspend(t, start.Add(r.staleAfter()), -time.Hour)); err == nil {
		t.Errorf("Ready = nil %v later on a node whose clock was set back", r.staleAfter())
	}
}
