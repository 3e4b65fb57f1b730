package sqlite

import (
	"context"
	"sync"
	"time"
)

const (
	// maxSweep is the most rows of a table that one call deletes, so that no redemption waits long behind it.
	maxSweep = 1000
	// sweepWindow is how many sessions one look takes in; it takes a few milliseconds.
	sweepWindow = 4096
)

const (
	expiredNotices = `SELECT count(*) FROM (SELECT 1 FROM notice WHERE expires_ms < ? LIMIT ?)`
	deleteNotices  = `DELETE FROM notice WHERE seq IN (SELECT seq FROM notice WHERE expires_ms < ? ORDER BY expires_ms LIMIT ?)`
	expiredClients = `SELECT count(*) FROM (SELECT 1 FROM dynamic_client WHERE expires_ms < ? LIMIT ?)`
	deleteClients  = `DELETE FROM dynamic_client WHERE id IN (SELECT id FROM dynamic_client WHERE expires_ms < ? ORDER BY expires_ms LIMIT ?)`
)

// Sweep implements store.Store.
//
// Sessions end about in the order of their ids, so the oldest ids are looked at first. Where none of these has ended, the
// look goes to the next window among all that are under way, from one call to the next and around again: so a few
// sessions with a far end, from a lifetime that was once set too long, cannot keep everything behind them. The steps and
// generations of sessions go the same way. All looks are a reader's; the writer is asked only when there is something to
// delete.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	defer s.operation(ctx, "sweep")(&err)
	limit = max(0, min(limit, maxSweep)) // to SQLite, a negative limit is none
	ms := now.UnixMilli()
	var found []deletion
	for _, w := range []*sweeper{s.sessions, s.steps, s.generations} {
		l, err := w.ended(ctx, s, now, limit)
		if err != nil {
			return 0, err
		}
		if l.first != nil {
			found = append(found, deletion{w.remove, []any{l.first, l.last, ms, limit}})
		}
	}
	for _, q := range []struct{ count, remove string }{{expiredNotices, deleteNotices}, {expiredClients, deleteClients}} {
		var expired int
		if err := s.query(ctx, q.count, ms, limit).scan(&expired); err != nil {
			return 0, err
		}
		if expired > 0 {
			found = append(found, deletion{q.remove, []any{ms, limit}})
		}
	}
	if len(found) == 0 {
		return 0, nil
	}
	err = s.write(ctx, func(t tx) error {
		for _, d := range found {
			n, err := t.exec(d.statement, d.args...)
			if err != nil {
				return err
			}
			deleted += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// deletion is a statement that deletes what a look found.
type deletion struct {
	statement string
	args      []any
}

// sweeper finds the rows of one table whose end_ms has passed.
type sweeper struct {
	see, remove string // statements

	mu   sync.Mutex
	next []byte // where it goes on among rows whose end has not passed; guarded by mu
}

// newSweeper returns that of the table whose primary key is the session id in the column id.
func newSweeper(table, id string) *sweeper {
	return &sweeper{
		see: `
WITH seen AS MATERIALIZED (SELECT ` + id + ` AS id, end_ms FROM ` + table + ` WHERE ` + id + ` > ? ORDER BY ` + id + ` LIMIT ?),
     ended AS MATERIALIZED (SELECT id FROM seen WHERE end_ms < ? ORDER BY id LIMIT ?)
SELECT (SELECT min(id) FROM ended), (SELECT max(id) FROM ended), (SELECT count(*) FROM seen), (SELECT max(id) FROM seen)`,
		remove: `
DELETE FROM ` + table + ` WHERE ` + id + ` IN
	(SELECT ` + id + ` FROM ` + table + ` WHERE ` + id + ` BETWEEN ? AND ? AND end_ms < ? ORDER BY ` + id + ` LIMIT ?)`,
	}
}

// look is what a window over the rows showed.
type look struct {
	first, last []byte // ids that ended rows lie between; nil: none has ended
	edge        []byte // the last id of the window; nil: it was the last of the table
}

// ended finds at most limit rows that ended before now.
func (w *sweeper) ended(ctx context.Context, s *Store, now time.Time, limit int) (look, error) {
	oldest, err := w.look(ctx, s, nil, now, limit)
	if err != nil || oldest.first != nil || oldest.edge == nil {
		return oldest, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found, err := w.look(ctx, s, w.next, now, limit)
	if err == nil && found.first == nil {
		w.next = found.edge
	}
	return found, err
}

// look takes in the window of rows with an id above after, and finds at most limit in it that ended before now.
func (w *sweeper) look(ctx context.Context, s *Store, after []byte, now time.Time, limit int) (l look, err error) {
	if after == nil {
		after = []byte{} // lies before every id; nil would be NULL
	}
	var seen int
	err = s.query(ctx, w.see, after, sweepWindow, now.UnixMilli(), limit).scan(&l.first, &l.last, &seen, &l.edge)
	if seen < sweepWindow {
		l.edge = nil
	}
	return l, err
}
