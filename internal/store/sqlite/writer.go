package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// maxBatch is the most writes that share a transaction. It bounds how long the first of them waits.
const maxBatch = 512

// write is one call that changes the database, on its way through the queue.
type write struct {
	session *signin.Session // to be redeemed, or nil
	advance *advance        // to be begun, or nil
	do      func(tx) error  // any other write

	state atomic.Int32
	err   error      // what became of it, should the transaction be committed
	done  chan error // holds one answer
}

// The states of a write: its caller may leave while it waits, and the writer begins it; the first of both decides.
const (
	waiting = iota
	begun
	abandoned
)

// begin tells whether the writer is to run w.
func (w *write) begin() bool { return w.state.CompareAndSwap(waiting, begun) }

// abandon tells whether the caller may leave, because w will never run.
func (w *write) abandon() bool { return w.state.CompareAndSwap(waiting, abandoned) }

// writer owns the only connection that writes.
type writer struct {
	db      *sql.DB
	conn    *sql.Conn
	observe store.Observer

	start, insert, first, next, commit, rollback *sql.Stmt // prepared on conn

	queue   chan *write
	closing chan struct{} // closed: accept nothing more
	stopped chan struct{} // closed: the goroutine has ended

	commits, writes atomic.Uint64
}

// submit queues w and waits for its outcome. When ctx ends first, w does not run, or its outcome is waited for if it runs
// already.
func (wr *writer) submit(ctx context.Context, w *write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-wr.closing:
		return errClosed
	default:
	}

	w.done = make(chan error, 1)
	select {
	case wr.queue <- w:
	case <-wr.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}

	var left error
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		left = ctx.Err()
	case <-wr.stopped: // it was queued too late to be seen
		left = errClosed
	}
	if w.abandon() {
		return left
	}
	return <-w.done
}

// run is the writer's goroutine.
func (wr *writer) run() {
	defer close(wr.stopped)
	batch := make([]*write, 0, maxBatch)
	for {
		batch = wr.take(batch[:0])
		if len(batch) == 0 {
			return
		}
		wr.transact(batch)
		clear(batch)
	}
}

// take appends what is queued to batch, having waited for the first; nothing when the store is closing and the queue is
// empty.
func (wr *writer) take(batch []*write) []*write {
	select {
	case w := <-wr.queue:
		batch = append(batch, w)
		// The callers of the batch before are about to run and to queue their next writes. Without this the batches of a
		// busy server are of one write and of all others in turn, so every second flush would be for one.
		runtime.Gosched()
	case <-wr.closing:
	}
	for len(batch) < maxBatch {
		select {
		case w := <-wr.queue:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// transact runs the batch in one transaction and answers every write of it.
func (wr *writer) transact(batch []*write) {
	began := time.Now()
	ran, err := wr.runAll(batch)
	if err == nil {
		_, err = wr.commit.Exec()
	}
	if err != nil {
		// The error may have ended the transaction by itself; then this fails, and nothing is lost by that.
		_, _ = wr.rollback.Exec()
		err = fmt.Errorf("transaction: %w", err)
	} else {
		wr.commits.Add(1)
		wr.writes.Add(uint64(ran))
	}
	for _, w := range batch { // nobody listens where it was abandoned
		if err != nil {
			w.done <- err
		} else {
			w.done <- w.err
		}
	}
	if wr.observe != nil {
		wr.observe(context.Background(), "commit", time.Since(began), err)
	}
}

// runAll starts a transaction and runs each write of the batch that was not abandoned. The error is one that ends the
// transaction; that of a single write is kept with it.
func (wr *writer) runAll(batch []*write) (ran int, err error) {
	if _, err := wr.start.Exec(); err != nil {
		return 0, err
	}
	for _, w := range batch {
		if !w.begin() {
			continue
		}
		ran++
		switch { // the first two are one statement that changes something, and undo nothing but themselves
		case w.session != nil:
			w.err = wr.redeem(w.session)
		case w.advance != nil:
			w.err = wr.beginGeneration(w.advance)
		default:
			w.err = wr.runOne(w.do)
		}
		if broken(w.err) {
			return ran, w.err
		}
	}
	return ran, nil
}

// runOne runs do so that nothing of it stays when it fails.
func (wr *writer) runOne(do func(tx) error) error {
	t := tx{wr.conn}
	if _, err := t.exec(`SAVEPOINT one`); err != nil {
		return err
	}
	err := do(t)
	if broken(err) {
		return err
	}
	if err != nil {
		if _, e := t.exec(`ROLLBACK TO one`); e != nil {
			return fmt.Errorf("%w; before that: %v", e, err)
		}
	}
	if _, e := t.exec(`RELEASE one`); e != nil {
		return fmt.Errorf("%w; before that: %v", e, err)
	}
	return err
}
