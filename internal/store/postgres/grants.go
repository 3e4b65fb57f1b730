package postgres

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// RegisterClient implements store.Grants.
func (s *Store) RegisterClient(ctx context.Context, c store.DynamicClient) (err error) {
	defer s.operation(ctx, "register_client")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("client", `INSERT INTO dynamic_client (id, metadata, created_ms, expires_ms) VALUES ($1, $2, $3, $4)`,
			c.ID[:], c.Metadata, c.Created.UnixMilli(), c.Expires.UnixMilli())
	})
}

// DynamicClientByID implements store.Grants.
func (s *Store) DynamicClientByID(ctx context.Context, id signin.SessionID) (_ store.DynamicClient, err error) {
	defer s.operation(ctx, "dynamic_client_by_id")(&err)
	return one("client", s.query(ctx, `SELECT id, metadata, created_ms, expires_ms FROM dynamic_client WHERE id = $1`, id[:]), scanDynamicClient)
}

func scanDynamicClient(row scanner) (c store.DynamicClient, err error) {
	err = row.Scan(fixed(c.ID[:]), &c.Metadata, instant{&c.Created}, instant{&c.Expires})
	return c, err
}

// Statements that move a session on from the generation where nothing is kept of it yet, and from any other. Each waits for
// whoever moves the same session, and then looks at the generation again.
const (
	firstGeneration = `
INSERT INTO session_generation (session, generation, at_ms, request, end_ms) VALUES ($1, $3, $4, $5, $6)
ON CONFLICT (session) DO UPDATE SET generation = excluded.generation, at_ms = excluded.at_ms, request = excluded.request, end_ms = excluded.end_ms
WHERE session_generation.generation = $2`
	nextGeneration = `
UPDATE session_generation SET generation = $3, at_ms = $4, request = $5, end_ms = $6 WHERE session = $1 AND generation = $2`
)

// AdvanceGeneration implements store.Grants. It is one statement, and a look at what was there where that changed nothing.
func (s *Store) AdvanceGeneration(ctx context.Context, a store.Advance, now time.Time) (began time.Time, err error) {
	defer s.operation(ctx, "advance_generation")(&err)
	if a.From < 0 || a.From == math.MaxInt64 {
		return time.Time{}, store.ErrReused // no token says so
	}
	now = time.UnixMilli(now.UnixMilli()).UTC() // as it is kept
	err = s.write(ctx, func(t tx) error {
		began = now
		advance := nextGeneration
		if a.From == 0 {
			advance = firstGeneration
		}
		moved, err := t.exec(advance, a.Session[:], a.From, a.From+1, now.UnixMilli(), a.Request[:], a.End.UnixMilli())
		if err != nil || moved == 1 {
			return err
		}
		at, err := t.answered(a)
		if err != nil {
			return err
		}
		if began = at; now.Sub(at) > a.Grace {
			return store.ErrReused
		}
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	return began, nil
}

// answered returns when the session began the generation behind a.From for the same request. ErrReused: it is not in that,
// or another request moved it there.
func (t tx) answered(a store.Advance) (time.Time, error) {
	rows, err := t.pg.Query(t.ctx, `
		SELECT session, generation, at_ms, request, end_ms FROM session_generation WHERE session = $1`, a.Session[:])
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return time.Time{}, cmp.Or(rows.Err(), store.ErrReused)
	}
	g, err := scanGeneration(rows)
	if err == nil && (g.Generation-1 != a.From || g.Request != a.Request) {
		err = store.ErrReused
	}
	return g.At, err
}

func scanGeneration(row scanner) (g store.Generation, err error) {
	err = row.Scan(fixed(g.Session[:]), &g.Generation, instant{&g.At}, fixed(g.Request[:]), instant{&g.End})
	return g, err
}

// GenerationOf implements store.Grants.
func (s *Store) GenerationOf(ctx context.Context, id signin.SessionID) (generation int64, err error) {
	defer s.operation(ctx, "generation_of")(&err)
	generation, err = one("session", s.query(ctx, `SELECT generation FROM session_generation WHERE session = $1`, id[:]), scanCount)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return generation, err
}
