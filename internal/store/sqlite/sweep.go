package sqlite

import (
	"context"
	"time"
)

const (
	// maxSweep is the most rows of a table that one call deletes, so that no redemption waits long behind it.
	maxSweep = 1000
	// sweepWindow is how many sessions one look takes in; it takes a few milliseconds.
	sweepWindow = 4096
)

// Sweep implements store.Store.
//
// Sessions end about in the order of their ids, so the oldest ids are looked at first. Where none of these has ended, the
// look goes to the next window among all that are under way, from one call to the next and around again: so a few
// sessions with a far end, from a lifetime that was once set too long, cannot keep everything behind them. Both looks are
// a reader's; the writer is asked only when there is something to delete.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	defer s.operation("sweep")(&err)
	limit = max(0, min(limit, maxSweep)) // to SQLite, a negative limit is none
	ended, err := s.endedSessions(ctx, now, limit)
	if err != nil {
		return 0, err
	}
	var expired int
	err = s.query(ctx, `SELECT count(*) FROM (SELECT 1 FROM notice WHERE expires_ms < ? LIMIT ?)`, now.UnixMilli(), limit).scan(&expired)
	if err != nil || (ended.first == nil && expired == 0) {
		return 0, err
	}

	err = s.write(ctx, func(t tx) error {
		sessions, err := t.exec(`
			DELETE FROM session WHERE id IN (SELECT id FROM session WHERE id BETWEEN ? AND ? AND end_ms < ? ORDER BY id LIMIT ?)`,
			ended.first, ended.last, now.UnixMilli(), limit)
		if err != nil {
			return err
		}
		notices, err := t.exec(`
			DELETE FROM notice WHERE seq IN (SELECT seq FROM notice WHERE expires_ms < ? ORDER BY expires_ms LIMIT ?)`, now.UnixMilli(), limit)
		deleted = int(sessions + notices)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// look is what a window over the sessions showed.
type look struct {
	first, last []byte // ids that ended sessions lie between; nil: none has ended
	edge        []byte // the last id of the window; nil: it was the last of the table
}

// endedSessions finds at most limit sessions that ended before now.
func (s *Store) endedSessions(ctx context.Context, now time.Time, limit int) (look, error) {
	oldest, err := s.look(ctx, nil, now, limit)
	if err != nil || oldest.first != nil || oldest.edge == nil {
		return oldest, err
	}
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	next, err := s.look(ctx, s.swept, now, limit)
	if err == nil && next.first == nil {
		s.swept = next.edge
	}
	return next, err
}

// look takes in the window of sessions with an id above after, and finds at most limit in it that ended before now.
func (s *Store) look(ctx context.Context, after []byte, now time.Time, limit int) (l look, err error) {
	if after == nil {
		after = []byte{} // lies before every id; nil would be NULL
	}
	var seen int
	err = s.query(ctx, `
		WITH seen AS MATERIALIZED (SELECT id, end_ms FROM session WHERE id > ? ORDER BY id LIMIT ?),
		     ended AS MATERIALIZED (SELECT id FROM seen WHERE end_ms < ? ORDER BY id LIMIT ?)
		SELECT (SELECT min(id) FROM ended), (SELECT max(id) FROM ended), (SELECT count(*) FROM seen), (SELECT max(id) FROM seen)`,
		after, sweepWindow, now.UnixMilli(), limit).scan(&l.first, &l.last, &seen, &l.edge)
	if seen < sweepWindow {
		l.edge = nil
	}
	return l, err
}
