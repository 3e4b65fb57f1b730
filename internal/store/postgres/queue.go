package postgres

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// maxGroup is the most redemptions that share a statement. It bounds how long the first of them waits.
	maxGroup = 512
	// writers is how many groups can be under way: while one waits for the disk, another is sent.
	writers = 2
)

// redemption is a call of RedeemCode on its way through the queue.
type redemption struct {
	session signin.Session

	state    atomic.Int32
	inserted bool       // the writer's: its row was added
	done     chan error // holds one answer
}

// The states of a redemption: its caller may leave while it waits, and a writer begins it; the first of both decides.
const (
	waiting = iota
	begun
	abandoned
)

// begin tells whether a writer is to run r.
func (r *redemption) begin() bool { return r.state.CompareAndSwap(waiting, begun) }

// abandon tells whether the caller may leave, because r will never run.
func (r *redemption) abandon() bool { return r.state.CompareAndSwap(waiting, abandoned) }

// queue is where redemptions wait for a writer.
type queue struct {
	waiting chan *redemption
	closing chan struct{} // closed: accept nothing more
	stopped chan struct{} // closed: the writers have ended

	commits, writes atomic.Uint64
}

// openQueue starts the writers, which connect when there is something to write.
func openQueue(config *pgx.ConnConfig, observe store.Observer) *queue {
	q := &queue{waiting: make(chan *redemption, maxGroup), closing: make(chan struct{}), stopped: make(chan struct{})}
	var running sync.WaitGroup
	for range writers {
		w := &writer{queue: q, config: config, observe: observe}
		running.Go(w.run)
	}
	go func() {
		running.Wait()
		close(q.stopped)
	}()
	return q
}

// submit queues r and waits for its outcome. When ctx ends first, r does not run, or its outcome is waited for if it is
// under way: that has an end of its own.
func (q *queue) submit(ctx context.Context, r *redemption) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-q.closing:
		return errClosed
	default:
	}

	r.done = make(chan error, 1)
	select {
	case q.waiting <- r:
	case <-q.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}

	var left error
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		left = ctx.Err()
	case <-q.stopped: // it was queued too late to be seen
		left = errClosed
	}
	if r.abandon() {
		return left
	}
	return <-r.done
}

// take appends what is queued to group, having waited for the first; nothing when the store is closing and the queue is
// empty.
func (q *queue) take(group []*redemption) []*redemption {
	select {
	case r := <-q.waiting:
		group = append(group, r)
		// The callers of the group before are about to run and to queue their next redemptions; let them join.
		runtime.Gosched()
	case <-q.closing:
	}
	for len(group) < maxGroup {
		select {
		case r := <-q.waiting:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// close lets the writers finish what is queued.
func (q *queue) close() {
	close(q.closing)
	<-q.stopped
}
