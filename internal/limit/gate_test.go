package limit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestGateLetsFewInAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2, 20, 3*time.Second, "busy")
		var mu sync.Mutex
		in, most, let := 0, 0, 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				leave, err := g.Enter(t.Context())
				if err != nil {
					t.Errorf("Enter: %v", err)
					return
				}
				defer leave()
				mu.Lock()
				in++
				let++
				most = max(most, in)
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
				mu.Lock()
				in--
				mu.Unlock()
			})
		}
		wg.Wait()
		if most != 2 || let != 20 {
			t.Errorf("%d were let in, at most %d at a time; want 20, 2", let, most)
		}
	})
}

func TestGateTurnsAwayWhoWouldWaitTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue, patience = 8, time.Second
		g := NewGate(1, queue, patience, "busy")
		leave, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		results := make(chan error)
		for range queue + 1 {
			go func() {
				_, err := g.Enter(t.Context())
				results <- err
			}()
		}
		// One finds the queue full and is turned away at once, the others lose patience.
		for i := range queue + 1 {
			err, want := <-results, patience
			if i == 0 {
				want = 0
			}
			fault, ok := errors.AsType[*signin.Fault](err)
			if !ok || fault.Kind != signin.Overloaded || fault.Message != "busy" || fault.RetryAfter <= 0 || time.Since(began) != want {
				t.Errorf("Enter: %v after %v, want Overloaded after %v", err, time.Since(began), want)
			}
		}
		// Whoever was turned away took no room.
		leave()
		if _, err := g.Enter(t.Context()); err != nil {
			t.Errorf("Enter once it is empty: %v", err)
		}
	})
}

func TestGateHeedsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 1, time.Minute, "busy")
		if _, err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Enter = %v, want DeadlineExceeded", err)
		}
	})
}
