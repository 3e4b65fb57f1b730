package reuse

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	shards = 16
	// perShard is how many sessions a shard holds between two reports, which bounds the memory to some tens of megabytes.
	perShard = 16_384
	// batch is how many sessions are reported at a time.
	batch = 1000
)

// Watch sees the refreshes of one node. It is safe for concurrent use.
type Watch struct {
	steps  store.Steps
	grace  int64
	shards [shards]shard
	lost   atomic.Uint64
}

type shard struct {
	mu   sync.Mutex
	seen map[signin.SessionID]seen
}

// seen is what was brought of one session since the last report.
type seen struct {
	session         signin.Session
	lowest, highest int64
	// behind is the lowest step that was brought after one that is higher by more than the grace; -1: there was none.
	behind int64
}

// Grace returns by how many steps a token may be older than the newest that was brought: two for a slow program, and as many
// as go by while a client still sends a request again whose answer it lost.
func Grace(l signin.Lifetimes) int64 {
	return 2 + int64((l.Proof+l.Step-1)/l.Step)
}

// Suspicion is that a session is refreshed from two places.
type Suspicion struct {
	Session signin.Session
	Step    int64 // of the old token
	Highest int64 // of the newest token that was brought before it
}

// New returns a Watch that reports to steps. grace is by how many steps a token may be older than the newest that was
// brought before it; see Grace.
func New(steps store.Steps, grace int64) *Watch {
	w := &Watch{steps: steps, grace: grace}
	for i := range w.shards {
		w.shards[i].seen = map[signin.SessionID]seen{}
	}
	return w
}

// Brought notes that a refresh token of that step of s was brought, and found good. A nil Watch notes nothing.
func (w *Watch) Brought(s signin.Session, step int64) {
	if w == nil {
		return
	}
	sh := &w.shards[s.ID[15]%shards] // the end of an id is random
	sh.mu.Lock()
	defer sh.mu.Unlock()
	b, ok := sh.seen[s.ID]
	switch {
	case !ok && len(sh.seen) >= perShard:
		w.lost.Add(1)
		return
	case !ok:
		b = seen{session: s, lowest: step, highest: step, behind: -1}
	default:
		if step < b.highest-w.grace && (b.behind < 0 || step < b.behind) {
			b.behind = step
		}
		b.lowest, b.highest = min(b.lowest, step), max(b.highest, step)
	}
	sh.seen[s.ID] = b
}

// Lost returns how many sessions were not noted since the start, because too many were in use at once.
func (w *Watch) Lost() uint64 { return w.lost.Load() }

// Report tells the store what was brought since the last call, and returns what is suspicious about that. On an error,
// what could not be told is forgotten.
func (w *Watch) Report(ctx context.Context) ([]Suspicion, error) {
	var found []Suspicion
	for i := range w.shards {
		sh := &w.shards[i]
		sh.mu.Lock()
		all := sh.seen
		if len(all) == 0 { // it stays in use, so it must not be read without the lock
			sh.mu.Unlock()
			continue
		}
		sh.seen = make(map[signin.SessionID]seen)
		sh.mu.Unlock()
		more, err := w.report(ctx, all)
		found = append(found, more...)
		if err != nil {
			return found, fmt.Errorf("report steps: %w", err)
		}
	}
	return found, nil
}

// report tells what one shard saw, in batches.
func (w *Watch) report(ctx context.Context, all map[signin.SessionID]seen) ([]Suspicion, error) {
	suspicions := map[signin.SessionID]Suspicion{}
	for id, b := range all {
		if b.behind >= 0 {
			suspicions[id] = Suspicion{b.session, b.behind, b.highest}
		}
	}
	// The lowest step is compared with what other nodes reported, and the highest is what they shall compare with. Mostly
	// they are the same.
	for _, step := range []func(seen) (int64, bool){
		func(b seen) (int64, bool) { return b.lowest, true },
		func(b seen) (int64, bool) { return b.highest, b.highest != b.lowest },
	} {
		var reports []store.StepReport
		tell := func() error {
			lags, err := w.steps.ReportSteps(ctx, reports, w.grace)
			for _, l := range lags {
				suspicions[l.Session] = Suspicion{all[l.Session].session, l.Step, l.Highest}
			}
			reports = reports[:0]
			return err
		}
		for id, b := range all {
			n, wanted := step(b)
			if !wanted {
				continue
			}
			reports = append(reports, store.StepReport{Session: id, Step: n, End: b.session.End})
			if len(reports) == batch {
				if err := tell(); err != nil {
					return list(suspicions), err
				}
			}
		}
		if len(reports) > 0 {
			if err := tell(); err != nil {
				return list(suspicions), err
			}
		}
	}
	return list(suspicions), nil
}

func list(suspicions map[signin.SessionID]Suspicion) []Suspicion {
	var all []Suspicion
	for _, s := range suspicions {
		all = append(all, s)
	}
	return all
}
