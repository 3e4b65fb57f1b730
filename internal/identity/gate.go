package identity

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// gate lets few in at a time and keeps a short queue before it: every hash takes a core for a while and its memory with
// it, so a flood of attempts must not run them all at once, nor keep them all waiting.
type gate struct {
	slots    chan struct{}
	waiting  atomic.Int64
	queue    int64         // the most that may wait
	patience time.Duration // the longest that one waits
}

// The queue is as long as its patience lasts at 40 ms each.
const (
	gateQueuePerSlot = 64
	gatePatience     = 3 * time.Second
)

func newGate(slots int) *gate {
	return &gate{slots: make(chan struct{}, slots), queue: int64(slots) * gateQueuePerSlot, patience: gatePatience}
}

// enter waits for a slot. On nil the caller must call leave. An Overloaded fault: the queue is full, or does not move.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return overloaded()
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return overloaded()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.slots }

func overloaded() error {
	return &signin.Fault{
		Kind:       signin.Overloaded,
		Message:    "Too many people are signing in at this moment. Try again in a few seconds.",
		RetryAfter: gatePatience,
	}
}
