package keyring

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

func rootsOf(t *testing.T, st store.Keys) (ids []string) {
	t.Helper()
	for _, row := range rowsOf(t, st) {
		ids = append(ids, rootOf(row))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// The three steps of the manual, on two nodes that take them one after the other: at every moment every node runs, may
// start again, and opens what the other sealed.
func TestRootKeyIsChangedWithoutDowntime(t *testing.T) {
	old, fresh := newRoot(t).wrapper, newRemote(t, "vault:transit/a")
	stages := []*Root{
		NewRoot(old),
		NewRoot(old, fresh), // 1: the new one may open
		NewRoot(fresh, old), // 2: the new one wraps
		NewRoot(fresh),      // 3: after rewrap, the old one is gone
	}
	st := newStore(t)
	now := day0
	nodes := []*Ring{openRing(t, st, stages[0], options, now), openRing(t, st, stages[0], options, now)}
	token := seal.SealRefresh(nodes[0].SealingKey(now), session(now), 0)
	check := func(what string) {
		t.Helper()
		now = now.Add(time.Minute)
		maintain(t, now, nodes...)
		for i, n := range nodes {
			if err := errors.Join(n.Ready(now), n.Err()); err != nil || !opens(n, token) {
				t.Errorf("%s: node %d: %v; the token opens: %v", what, i, err, opens(n, token))
			}
			if fresh := seal.SealRefresh(n.SealingKey(now), session(now), 0); !opens(nodes[0], fresh) || !opens(nodes[1], fresh) {
				t.Errorf("%s: what node %d seals does not open everywhere", what, i)
			}
		}
	}
	for stage := 1; stage < len(stages); stage++ {
		if stage == 3 {
			if got := rootsOf(t, st); len(got) != 2 {
				t.Fatalf("before Rewrap, keys are wrapped by %v, want both", got)
			}
			if _, err := Rewrap(t.Context(), st, stages[2], false); err != nil {
				t.Fatal(err)
			}
			check("rewrapped")
		}
		for i := range nodes {
			// Each node makes keys in between, wrapped with the root key that it has.
			if stage < 3 {
				rotate(t, nodes[1-i], now, "access-key")
				now = now.Add(options.Publish)
			}
			nodes[i] = openRing(t, st, stages[stage], options, now)
			check("stage " + string(rune('0'+stage)))
		}
	}
	if got := rootsOf(t, st); !slices.Equal(got, []string{fresh.id}) {
		t.Errorf("in the end, keys are wrapped by %v", got)
	}
	if _, err := Open(t.Context(), st, NewRoot(old), options, now); !errors.Is(err, ErrWrongRoot) {
		t.Errorf("Open with the old root key = %v, want ErrWrongRoot", err)
	}
}

// A node whose configuration nobody changed keeps what it had when all is wrapped anew, and says that it would not start.
func TestNodeThatMissedTheChangeOfTheRootKeyGoesOn(t *testing.T) {
	st := newStore(t)
	old, fresh := newRoot(t), newRoot(t)
	late := openRing(t, st, old, options, day0)
	token := seal.SealRefresh(late.SealingKey(day0), session(day0), 0)
	if _, err := Rewrap(t.Context(), st, NewRoot(fresh.wrapper, old.wrapper), false); err != nil {
		t.Fatal(err)
	}
	now := day0.Add(time.Hour)
	err := late.Maintain(t.Context(), now)
	if !errors.Is(err, ErrWrongRoot) || !errors.Is(late.Err(), ErrWrongRoot) {
		t.Errorf("Maintain = %v, Err = %v, want ErrWrongRoot", err, late.Err())
	}
	if err := late.Ready(now); err != nil || !opens(late, token) {
		t.Errorf("Ready = %v, the token opens: %v; want that it goes on", err, opens(late, token))
	}
	// But not for ever: others make keys that it does not have.
	other := openRing(t, st, fresh, options, now)
	rotate(t, other, now, "seal")
	late.Maintain(t.Context(), now)
	if err := late.Ready(now.Add(options.Publish)); err == nil {
		t.Error("Ready = nil on a node that lacks the key in use")
	}
}

// busy is a store on which a node adds keys at the worst moment: between the reading and the rewrapping.
type busy struct {
	store.Store
	add func()
}

func (b *busy) RewrapRingKeys(ctx context.Context, keys []store.Rewrap) error {
	if add := b.add; add != nil {
		b.add = nil
		add()
	}
	return b.Store.RewrapRingKeys(ctx, keys)
}

func TestRewrapBesideANodeThatAddsAndRemovesKeys(t *testing.T) {
	st := newStore(t)
	old, fresh := newRoot(t), newRoot(t)
	node := openRing(t, st, NewRoot(old.wrapper, fresh.wrapper), options, day0)
	now := day0.Add(time.Hour)
	for name, add := range map[string]func(){
		"a key is added":   func() { rotate(t, node, now, "seal") },
		"a key is removed": func() { retire(t, node, node.SealingKey(now).ID(), now); maintain(t, now, node) },
		"another was first": func() {
			if _, err := Rewrap(t.Context(), st, NewRoot(old.wrapper, fresh.wrapper), true); err != nil {
				t.Fatal(err)
			}
		},
	} {
		if _, err := Rewrap(t.Context(), st, NewRoot(old.wrapper, fresh.wrapper), false); err != nil {
			t.Fatal(err)
		}
		if _, err := Rewrap(t.Context(), &busy{st, add}, NewRoot(fresh.wrapper, old.wrapper), false); err != nil {
			t.Errorf("%s: Rewrap = %v", name, err)
		}
		if got := rootsOf(t, st); !slices.Equal(got, []string{fresh.ID()}) {
			t.Errorf("%s: keys are wrapped by %v, want %s alone", name, got, fresh.ID())
		}
	}
}

func TestRewrapDoesWhatIsLeftToDo(t *testing.T) {
	st := newStore(t)
	old, fresh := newRoot(t), newRemote(t, "aws-kms:alias/a")
	openRing(t, st, old, options, day0)
	both := NewRoot(fresh, old.wrapper)
	if _, err := Rewrap(t.Context(), st, NewRoot(fresh), false); !errors.Is(err, ErrWrongRoot) {
		t.Errorf("Rewrap without the old root key = %v, want ErrWrongRoot", err)
	}
	for _, tt := range []struct {
		all  bool
		want int
	}{{false, 4}, {false, 0}, {true, 4}, {false, 0}} {
		done, err := Rewrap(t.Context(), st, both, tt.all)
		if err != nil || len(done) != tt.want {
			t.Errorf("Rewrap(all %v) = %v, %v, want %d keys", tt.all, done, err, tt.want)
		}
	}
	// The alias names another key now.
	moved := newRemote(t, fresh.id)
	before := &remote{Wrapper: fresh.Wrapper, id: "aws-kms:1"}
	if done, err := Rewrap(t.Context(), st, NewRoot(moved, before), false); err != nil || len(done) != 4 {
		t.Errorf("Rewrap after the alias was moved = %v, %v, want all keys", done, err)
	}
	openRing(t, st, NewRoot(moved), options, day0)
	// What older versions wrote gets its root key's name.
	st = newStore(t)
	openRing(t, st, old, options, day0)
	if done, err := Rewrap(t.Context(), stripped{st}, old, false); err == nil || len(done) != 0 {
		t.Errorf("Rewrap of rows that are not as they look = %v, %v, want that it gives up", done, err)
	}
}

// stripped is a store whose rows look like those of an older version, which they are not.
type stripped struct{ store.Store }

func (s stripped) RingKeys(ctx context.Context) ([]store.RingKey, error) {
	rows, err := s.Store.RingKeys(ctx)
	stripIDs(rows)
	return rows, err
}

// Several operators, and nodes that rotate, at once.
func TestRacingRewrapsAndRotations(t *testing.T) {
	st := newStore(t)
	old, fresh := newRoot(t), newRoot(t)
	both, other := NewRoot(fresh.wrapper, old.wrapper), NewRoot(old.wrapper, fresh.wrapper)
	node := openRing(t, st, other, options, day0)
	token := seal.SealRefresh(node.SealingKey(day0), session(day0), 0)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := Rewrap(t.Context(), st, both, false); err != nil && !errors.Is(err, errRestless) {
				t.Errorf("Rewrap = %v", err)
			}
		})
	}
	wg.Go(func() {
		for i := range 5 {
			rotate(t, node, day0.Add(time.Duration(i)*time.Hour), "seal", "access-key")
		}
	})
	wg.Wait()
	if _, err := Rewrap(t.Context(), st, both, false); err != nil {
		t.Fatal(err)
	}
	if ring := openRing(t, st, fresh, options, day0.Add(5*time.Hour)); !opens(ring, token) {
		t.Error("the token does not open with the new root key alone")
	}
}
