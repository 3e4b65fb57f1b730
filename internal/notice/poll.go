package notice

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// batch is how many notices are read at a time.
const batch = 1000

// Poll reads what is new in the source. It is called at least every second, so that every node hears within two.
//
// It begins with the newest notice that it knows: when that has become another one, or is gone before its time, then
// somebody restored another copy of the database under this server, and everything is read again.
func (b *Board) Poll(ctx context.Context, now time.Time) error {
	ahead := b.ahead.Load()
	b.mu.RLock()
	last := b.last
	b.mu.RUnlock()
	fresh, err := b.source.NoticesAfter(ctx, max(0, last.Seq-1), batch)
	if err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	replaced, err := b.replaced(ctx, last, fresh, now)
	if err != nil {
		return err
	}
	if replaced {
		b.startAgain(last)
		if fresh, err = b.source.NoticesAfter(ctx, 0, batch); err != nil {
			return fmt.Errorf("read notices again: %w", err)
		}
	}
	if err := b.read(ctx, fresh); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = now.Round(0)
	if ahead > 0 {
		// All that there was when ahead had been met has been read.
		b.lower = ahead > b.last.Seq
		if !b.lower {
			b.ahead.CompareAndSwap(ahead, 0)
		}
	}
	return nil
}

// replaced tells whether the source is another copy than the one that last was read from. found is what it has from there
// on.
func (b *Board) replaced(ctx context.Context, last signin.Notice, found []signin.Notice, now time.Time) (bool, error) {
	switch {
	case last.Seq == 0:
		return false, nil
	case len(found) > 0 && found[0].Seq == last.Seq:
		same := found[0].Reason == last.Reason && found[0].Subject == last.Subject && found[0].At.Equal(last.At)
		return !same, nil
	case now.Before(last.Expires.Add(-skew)):
		return true, nil // nobody has swept it
	}
	highest, err := b.source.LastNotice(ctx)
	if err != nil {
		return false, fmt.Errorf("read the highest notice: %w", err)
	}
	return highest < last.Seq, nil
}

// startAgain forgets the numbers of what is held, which mean nothing in another copy. What the copy does not have goes on to
// end what was issued before it, and for as long after as clocks may be apart.
//
// last is what was known when the question was asked; a poll beside this one may have started again already.
func (b *Board) startAgain(last signin.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != last {
		return
	}
	b.last = signin.Notice{}
	b.reset++
	for _, of := range b.ended {
		for subject, e := range of {
			if e.seq > 0 {
				e.seq, e.lost = 0, e.at
				of[subject] = e
			}
		}
	}
}

// read takes fresh, and what follows on it up to what there is now. Whoever gives notice faster than this reads must not
// keep it reading for ever.
func (b *Board) read(ctx context.Context, fresh []signin.Notice) error {
	b.take(fresh)
	if len(fresh) < batch {
		return nil
	}
	end, err := b.source.LastNotice(ctx)
	if err != nil {
		return fmt.Errorf("read the highest notice: %w", err)
	}
	for after := fresh[len(fresh)-1].Seq; len(fresh) == batch && after < end; after = fresh[len(fresh)-1].Seq {
		if fresh, err = b.source.NoticesAfter(ctx, after, batch); err != nil {
			return fmt.Errorf("read notices: %w", err)
		}
		if len(fresh) == 0 {
			return nil
		}
		b.take(fresh)
	}
	return nil
}

// take puts what is new of fresh on the board.
func (b *Board) take(fresh []signin.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range fresh {
		if n.Seq <= b.last.Seq {
			continue // known; or another poll was faster
		}
		b.put(n)
		b.count[n.Reason]++
		b.last = n
	}
}
