package limit

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Gate lets a few in at a time and keeps a queue before it. It is safe for concurrent use.
type Gate struct {
	slots    chan struct{}
	waiting  atomic.Int64
	queue    int64
	patience time.Duration
	message  string
}

// NewGate returns a gate for slots at a time. At most queue more wait, each for at most patience; whoever is turned away
// is told message.
func NewGate(slots, queue int, patience time.Duration, message string) *Gate {
	return &Gate{slots: make(chan struct{}, slots), queue: int64(queue), patience: patience, message: message}
}

// Enter returns a function that must be called to leave. An Overloaded fault: the queue is full, or does not move.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return nil, g.overloaded()
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, g.overloaded()
	}
}

func (g *Gate) leave() { <-g.slots }

func (g *Gate) overloaded() error {
	return &signin.Fault{Kind: signin.Overloaded, Message: g.message, RetryAfter: g.patience}
}
