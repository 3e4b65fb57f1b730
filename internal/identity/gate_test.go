package identity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestGateLetsFewInAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		in, most, let := 0, 0, 0
		results := make(chan error)
		guard := make(chan struct{}, 1)
		for range 20 {
			go func() {
				err := g.enter(t.Context())
				if err == nil {
					guard <- struct{}{}
					in++
					most = max(most, in)
					let++
					<-guard
					time.Sleep(100 * time.Millisecond)
					guard <- struct{}{}
					in--
					<-guard
					g.leave()
				}
				results <- err
			}()
		}
		for range 20 {
			if err := <-results; err != nil {
				t.Errorf("enter: %v", err)
			}
		}
		if most != 2 || let != 20 {
			t.Errorf("%d were let in, at most %d at a time; want 20, 2", let, most)
		}
	})
}

func TestGateTurnsAwayWhoWouldWaitTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		results := make(chan error)
		for range gateQueuePerSlot + 1 {
			go func() { results <- g.enter(t.Context()) }()
		}
		// One finds the queue full and is turned away at once, the others lose patience.
		if err := <-results; signin.KindOf(err) != signin.Overloaded || time.Since(begin) != 0 {
			t.Errorf("first answer: %v after %v, want Overloaded at once", err, time.Since(begin))
		}
		for range gateQueuePerSlot {
			if err := <-results; signin.KindOf(err) != signin.Overloaded || time.Since(begin) != gatePatience {
				t.Errorf("enter: %v after %v, want Overloaded after %v", err, time.Since(begin), gatePatience)
			}
		}
		if n := g.waiting.Load(); n != 0 {
			t.Errorf("%d are counted as waiting, want 0", n)
		}
		g.leave()
		if err := g.enter(t.Context()); err != nil {
			t.Errorf("enter once it is empty: %v", err)
		}
	})
}

func TestGateHeedsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("enter = %v, want DeadlineExceeded", err)
		}
	})
}
