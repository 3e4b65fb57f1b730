package server

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// pollNotices is how often notices are read; the promise is to hear of one within two seconds.
	pollNotices = 500 * time.Millisecond
	// pollLimit is how long one reading may take. A network that swallowed the question must not hold up the next one.
	pollLimit = 4 * time.Second
	// maintainRing is how often the key ring is looked after.
	maintainRing = time.Minute
	// sweepEvery is how often expired rows are deleted, sweepRows how many at a time.
	sweepEvery = time.Minute
	sweepRows  = 500
	// keepAudit is how often audit events are kept, reportSteps how often the steps of refresh tokens are reported.
	keepAudit   = time.Second
	reportSteps = 10 * time.Second
	// sayAgain is how often the log says that something still fails.
	sayAgain = 30 * time.Second
	// slowest is more than a call of the database takes that still makes sense.
	slowest = 10 * time.Second

	// slowestRequest is more than what lies between the time of a request, which is when its head was there, and its end.
	slowestRequest = 2 * time.Minute
	// clocksApart is more than the clocks of nodes may be apart.
	clocksApart = 10 * time.Minute
)

// start begins what is done in the background; Close ends it.
//
// A session's row is what makes its code single-use, so it must outlive the code, also where sessions are configured to
// be shorter than codes, and where another node's clock is behind. A session that ended longer ago than the longest code
// lives has no code left.
func (s *Server) start(ctx context.Context, cfg config.Config) {
	ctx, s.stop = context.WithCancel(ctx)
	var wake <-chan struct{}
	if w, ok := s.store.(store.Waker); ok {
		wake = w.Wake()
	}
	rings, resets := s.board.Read(signin.ChangedRing), s.board.Resets()
	changed := make(chan struct{}, 1) // the ring has a loop of its own, because its root key may be slow to answer
	deaf := false
	s.every(ctx, pollNotices, wake, "poll notices", func(now time.Time) error {
		if is := s.board.Fresh(now) != nil; is != deaf {
			if deaf = is; deaf {
				s.log.Error("deaf: the database has told no notices for too long, so every session is refused until it does", "after", deafFor.String())
			}
		}
		asking, cancel := context.WithTimeout(ctx, pollLimit)
		defer cancel()
		err := s.board.Poll(asking, now)
		if n := s.board.Resets(); n != resets {
			resets = n
			s.log.Warn("the database is an older copy of itself: all notices were read again. Give those again that were given since the copy was made")
		}
		if n := s.board.Read(signin.ChangedRing); n != rings {
			rings = n
			select {
			case changed <- struct{}{}:
			default: // it is about to look anyway
			}
		}
		return err
	})
	s.every(ctx, maintainRing, changed, "maintain key ring", func(now time.Time) error { return s.ring.Maintain(ctx, now) })
	// Statements have a loop of their own, because the question may be slow. With the pace of the notices that ask for it,
	// what was changed takes effect within two seconds.
	s.every(ctx, pollNotices, nil, "load permission statements", func(now time.Time) error {
		asking, cancel := context.WithTimeout(ctx, pollLimit)
		defer cancel()
		return s.wall.Maintain(asking, s.board.Read(signin.ChangedPerimeter)+s.board.Resets(), now)
	})
	s.every(ctx, keepAudit, nil, "keep audit events", func(time.Time) error { return s.trail.Flush(ctx) })
	if s.watch != nil {
		s.every(ctx, reportSteps, nil, "report steps", func(now time.Time) error { return s.reportSteps(ctx, now) })
	}
	longestCode := max(cfg.Lifetimes.Code, cfg.Lifetimes.CodeCrossDevice) + slowestRequest + clocksApart
	s.every(ctx, sweepEvery, nil, "sweep", func(now time.Time) error {
		s.board.Prune(now)
		return errors.Join(
			all(func() (int, error) { return s.store.Sweep(ctx, now.Add(-longestCode), sweepRows) }),
			all(func() (int, error) { return s.store.SweepAudit(ctx, now.Add(-cfg.Audit.Keep), sweepRows) }))
	})
}

// all sweeps until nothing is left.
func all(sweep func() (int, error)) error {
	for {
		n, err := sweep()
		if err != nil || n == 0 {
			return err
		}
	}
}

// every calls do at that pace, and when wake receives, until ctx ends. The log says that it fails, from time to time that
// it still does, and that it works again.
func (s *Server) every(ctx context.Context, pace time.Duration, wake <-chan struct{}, what string, do func(now time.Time) error) {
	s.work.Go(func() {
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		var since, said time.Time // of failure; zero: it works
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-wake:
			}
			now := s.clock()
			err := do(now)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && since.IsZero():
				since, said = now, now
				s.log.Error("background work failed", "what", what, "error", err)
			case err != nil && now.Sub(said) >= sayAgain:
				said = now
				s.log.Error("background work still fails", "what", what, "for_seconds", int64(now.Sub(since)/time.Second), "error", err)
			case err == nil && !since.IsZero():
				s.log.Info("background work goes on", "what", what, "failed_for_seconds", int64(now.Sub(since)/time.Second))
				since = time.Time{}
			}
		}
	})
}

// Drain makes /readyz say that the server is about to stop. It serves on.
func (s *Server) Drain() { s.draining.Store(true) }

// Close ends the background work and keeps the audit events that wait. The store is the caller's to close, after this.
func (s *Server) Close() {
	s.stop()
	s.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), slowest)
	defer cancel()
	if err := s.trail.Flush(ctx); err != nil {
		s.log.Error("some audit events are in this log only", "error", err)
	}
}
