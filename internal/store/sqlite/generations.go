package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// firstGeneration changes a row, or adds one, where the session is in generation 0, for which there is no row.
	firstGeneration = `
INSERT INTO session_generation (session, generation, at_ms, request, end_ms) VALUES (?, 1, ?, ?, ?)
ON CONFLICT (session) DO UPDATE SET generation = 1, at_ms = excluded.at_ms, request = excluded.request, end_ms = excluded.end_ms
WHERE session_generation.generation = 0`
	// nextGeneration changes a row where the session is in the generation that was brought.
	nextGeneration = `UPDATE session_generation SET generation = generation + 1, at_ms = ?, request = ?, end_ms = ? WHERE session = ? AND generation = ?`
	// sameRequest finds when the session came to a generation by a request.
	sameRequest  = `SELECT at_ms FROM session_generation WHERE session = ? AND generation = ? AND request = ?`
	generationOf = `SELECT generation FROM session_generation WHERE session = ?`
)

// advance is a generation that is to be begun.
type advance struct {
	store.Advance
	now   int64 // in milliseconds since the epoch, as the next
	began int64 // the outcome
}

// AdvanceGeneration implements store.Grants.
func (s *Store) AdvanceGeneration(ctx context.Context, a store.Advance, now time.Time) (began time.Time, err error) {
	defer s.operation(ctx, "advance_generation")(&err)
	if a.From < 0 || a.From == math.MaxInt64 { // no token is of such a generation
		return time.Time{}, errors.Join(store.ErrReused, ctx.Err())
	}
	next := advance{Advance: a, now: now.UnixMilli()}
	if err := s.writer.submit(ctx, &write{advance: &next}); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(next.began).UTC(), nil
}

// beginGeneration runs one statement in the transaction under way, and where that changes nothing looks whether the same was done
// before.
func (wr *writer) beginGeneration(a *advance) error {
	var r sql.Result
	var err error
	if a.From == 0 {
		r, err = wr.first.Exec(a.Session[:], a.now, a.Request[:], a.End.UnixMilli())
	} else {
		r, err = wr.next.Exec(a.now, a.Request[:], a.End.UnixMilli(), a.Session[:], a.From)
	}
	if err != nil {
		return err
	}
	advanced, err := r.RowsAffected()
	if err != nil {
		return err
	}
	if advanced > 0 {
		a.began = a.now
		return nil
	}
	err = wr.conn.QueryRowContext(context.Background(), sameRequest, a.Session[:], a.From+1, a.Request[:]).Scan(&a.began)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && a.now-a.began > a.Grace.Milliseconds()) {
		return store.ErrReused
	}
	return err
}

// GenerationOf implements store.Grants.
func (s *Store) GenerationOf(ctx context.Context, id signin.SessionID) (generation int64, err error) {
	defer s.operation(ctx, "generation_of")(&err)
	err = s.query(ctx, generationOf, id[:]).scan(&generation)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return generation, err
}

func scanGeneration(row scanner) (g store.Generation, err error) {
	err = row.Scan(fixed(g.Session[:]), &g.Generation, instant{&g.At}, fixed(g.Request[:]), instant{&g.End})
	return g, err
}
