package postgres

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// rotation is a session whose refresh token is brought to two nodes at once, by its owner and by a thief, again and again
// until the server is killed; and then once more by both, because neither knows whether it was first. One goroutine uses it.
type rotation struct {
	t       *testing.T
	nodes   []*Store
	session signin.SessionID
	from    int64 // the highest generation that somebody was told of
	brought [2]store.Advance
	// winners are those who were told that they advanced from that generation.
	winners map[[sha256.Size]byte]bool
}

func newRotation(t *testing.T, nodes []*Store) *rotation {
	return &rotation{t: t, nodes: nodes, session: signin.NewSessionID(noon)}
}

// advance has both bring the token of the generation from.
func (r *rotation) advance() error {
	r.winners = make(map[[sha256.Size]byte]bool)
	for i := range r.brought {
		r.brought[i] = store.Advance{Session: r.session, From: r.from, End: later, Grace: time.Minute}
		_, _ = rand.Read(r.brought[i].Request[:])
	}
	return r.bring()
}

// bring has both bring what they brought, the second time in place of an answer that they did not get.
func (r *rotation) bring() error {
	var errs [2]error
	var both sync.WaitGroup
	for i, a := range r.brought {
		both.Go(func() { _, errs[i] = r.nodes[i].AdvanceGeneration(r.t.Context(), a, noon) })
	}
	both.Wait()
	for i, err := range errs {
		if err == nil {
			r.winners[r.brought[i].Request] = true
		}
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, store.ErrReused) {
			return err
		}
	}
	if len(r.winners) != 1 {
		r.t.Errorf("%d of two who brought generation %d were told that they were first, want 1", len(r.winners), r.from)
	}
	r.from++
	return nil
}

// check looks at the session after the server has come back, when its goroutine has ended.
func (r *rotation) check() {
	r.t.Helper()
	if r.winners == nil {
		return // the server was killed before its turn
	}
	if r.brought[0].From == r.from { // whoever was first did not hear of it, or the other not that it was late
		if err := r.bring(); err != nil {
			r.t.Errorf("AdvanceGeneration after the crash = %v", err)
		}
	}
	got, err := r.nodes[0].GenerationOf(r.t.Context(), r.session)
	if err != nil || got != r.from {
		r.t.Errorf("GenerationOf = %d, %v, want %d", got, err, r.from)
	}
	for _, from := range []int64{0, r.from - 1} {
		a := store.Advance{Session: r.session, From: from, End: later, Grace: time.Minute}
		if _, err := r.nodes[1].AdvanceGeneration(r.t.Context(), a, noon); !errors.Is(err, store.ErrReused) {
			r.t.Errorf("AdvanceGeneration from %d of %d by another request = %v, want ErrReused", from, r.from, err)
		}
	}
}
