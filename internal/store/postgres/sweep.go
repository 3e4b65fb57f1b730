package postgres

import (
	"context"
	"sync"
	"time"
)

const (
	// maxSweep is the most rows of a table that one call deletes, so that no transaction is long.
	maxSweep = 1000
	// sweepWindow is how many rows one look takes in; it takes a few milliseconds.
	sweepWindow = 4096
)

const (
	expiredNotices = `SELECT count(*) FROM (SELECT seq FROM notice WHERE expires_ms < $1 LIMIT $2) AS expired`
	deleteNotices  = `
DELETE FROM notice WHERE seq IN (SELECT seq FROM notice WHERE expires_ms < $1 ORDER BY expires_ms, seq LIMIT $2 FOR UPDATE)`

	expiredClients = `SELECT count(*) FROM (SELECT id FROM dynamic_client WHERE expires_ms < $1 LIMIT $2) AS expired`
	deleteClients  = `
DELETE FROM dynamic_client WHERE id IN (SELECT id FROM dynamic_client WHERE expires_ms < $1 ORDER BY expires_ms, id LIMIT $2 FOR UPDATE)`
)

// Sweep implements store.Store.
//
// Sessions end about in the order of their ids, so the oldest ids are looked at first. Where none of these has ended, the
// look goes to the next window among all that are under way, from one call to the next and around again: so a few
// sessions with a far end, from a lifetime that was once set too long, cannot keep everything behind them. The steps and
// the generations of sessions go the same way.
//
// Many nodes may sweep at once. Each locks rows in the same order before it deletes them, so that one waits for the other
// and then finds them gone.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	defer s.operation(ctx, "sweep")(&err)
	limit = max(0, min(limit, maxSweep))
	for _, w := range []*sweeper{s.sessions, s.steps, s.generations} {
		ended, err := w.ended(ctx, s, now, limit)
		if err != nil {
			return deleted, err
		}
		n, err := s.remove(ctx, len(ended), w.remove, ended, now.UnixMilli())
		if deleted += n; err != nil {
			return deleted, err
		}
	}
	for _, kind := range []struct{ expired, remove string }{{expiredNotices, deleteNotices}, {expiredClients, deleteClients}} {
		expired, err := one("expired rows", s.query(ctx, kind.expired, now.UnixMilli(), int64(limit)), scanCount)
		if err != nil {
			return deleted, err
		}
		n, err := s.remove(ctx, int(expired), kind.remove, now.UnixMilli(), int64(limit))
		if deleted += n; err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// remove runs a statement that deletes, unless there is nothing to delete, and returns how many rows it deleted.
func (s *Store) remove(ctx context.Context, found int, sql string, args ...any) (deleted int, err error) {
	if found == 0 {
		return 0, nil
	}
	err = s.write(ctx, func(t tx) error {
		n, err := t.exec(sql, args...)
		deleted = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// sweeper finds the rows of one table whose end_ms has passed.
type sweeper struct {
	// Statements. find takes the id that the window begins behind, its size, a time, and a limit; edge the first two.
	find, edge, remove string

	mu   sync.Mutex
	next []byte // where it goes on among rows whose end has not passed; guarded by mu
}

func newSessionSweeper() *sweeper {
	return &sweeper{
		find: `
SELECT id FROM (SELECT id, end_ms FROM session WHERE id > $1 ORDER BY id LIMIT $2) AS seen WHERE end_ms < $3 ORDER BY id LIMIT $4`,
		edge: `SELECT id FROM session WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2`,
		remove: `
DELETE FROM session WHERE id IN (SELECT id FROM session WHERE id = ANY ($1) AND end_ms < $2 ORDER BY id FOR UPDATE)`,
	}
}

func newStepSweeper() *sweeper {
	return &sweeper{
		find: `
SELECT session FROM (SELECT session, end_ms FROM session_step WHERE session > $1 ORDER BY session LIMIT $2) AS seen
WHERE end_ms < $3 ORDER BY session LIMIT $4`,
		edge: `SELECT session FROM session_step WHERE session > $1 ORDER BY session LIMIT 1 OFFSET $2`,
		remove: `
DELETE FROM session_step WHERE session IN (SELECT session FROM session_step WHERE session = ANY ($1) AND end_ms < $2 ORDER BY session FOR UPDATE)`,
	}
}

func newGenerationSweeper() *sweeper {
	return &sweeper{
		find: `
SELECT session FROM (SELECT session, end_ms FROM session_generation WHERE session > $1 ORDER BY session LIMIT $2) AS seen
WHERE end_ms < $3 ORDER BY session LIMIT $4`,
		edge: `SELECT session FROM session_generation WHERE session > $1 ORDER BY session LIMIT 1 OFFSET $2`,
		remove: `
DELETE FROM session_generation
WHERE session IN (SELECT session FROM session_generation WHERE session = ANY ($1) AND end_ms < $2 ORDER BY session FOR UPDATE)`,
	}
}

// ended returns the ids of at most limit rows that ended before now.
func (w *sweeper) ended(ctx context.Context, s *Store, now time.Time, limit int) ([][]byte, error) {
	found, err := w.look(ctx, s, nil, now, limit)
	if err != nil || len(found) > 0 {
		return found, err
	}
	edge, err := w.windowEnd(ctx, s, nil)
	if err != nil || edge == nil {
		return nil, err // that window was the whole table
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found, err = w.look(ctx, s, w.next, now, limit)
	if err != nil || len(found) > 0 {
		return found, err
	}
	w.next, err = w.windowEnd(ctx, s, w.next)
	return nil, err
}

// look takes in the window of rows with an id above after.
func (w *sweeper) look(ctx context.Context, s *Store, after []byte, now time.Time, limit int) ([][]byte, error) {
	return all(s.query(ctx, w.find, nonNull(after), int64(sweepWindow), now.UnixMilli(), int64(limit)), scanBytes)
}

// windowEnd returns the last id of that window, nil when the table ends before it.
func (w *sweeper) windowEnd(ctx context.Context, s *Store, after []byte) ([]byte, error) {
	edge, err := all(s.query(ctx, w.edge, nonNull(after), int64(sweepWindow-1)), scanBytes)
	if err != nil || len(edge) == 0 {
		return nil, err
	}
	return edge[0], nil
}

// nonNull returns what lies before every id where there is none; nil would be NULL.
func nonNull(id []byte) []byte {
	if id == nil {
		return []byte{}
	}
	return id
}

func scanBytes(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}

func scanCount(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}
